// See pc_testdev.h.
#include "hw/misc/pc_testdev.h"

#include <sys/mman.h>

#include "system/memory/address_space.h"
#include "system/memory/dma_space.h"
#include "system/memory/ram_block.h"
#include "system/memory/topology.h"
#include "system/run/requests.h"
#include "util/bits.h"
#include "util/endian.h"
#include "util/log.h"

namespace vmm {

namespace {

constexpr IoSizes kAnySize = {.accepted_max = 4, .implemented_max = 4};
constexpr IoSizes kBytesOnly = {.accepted_max = 1, .implemented_max = 1};
constexpr IoSizes kUnaligned = {.accepted_max = 8, .implemented_max = 8, .unaligned = true};

}  // namespace

Result<std::unique_ptr<PcTestDev>> PcTestDev::create(const Config&, DeviceEnv& env, const std::string& id) {
    return std::make_unique<PcTestDev>(Token{}, env, id);
}

PcTestDev::PcTestDev(Token, DeviceEnv& env, const std::string& id)
    : Device(id),
      env_(env),
      memory_(kMemorySize + sizeof(uint64_t)),
      latch_ops_(*this, kAnySize),
      byte_latch_ops_(*this, kBytesOnly),
      drop_ops_(*this, kAnySize),
      interrupt_ops_(*this, kAnySize),
      memory_ops_(*this, kUnaligned),
      windows_{PortWindow{"pc-testdev-ioport", 0xe0, 4, &latch_ops_},
               PortWindow{"pc-testdev-flush-page", 0xe4, 4, &drop_ops_},
               PortWindow{"pc-testdev-ioport-byte", 0xe8, 4, &byte_latch_ops_},
               PortWindow{"pc-testdev-irq-line", 0x2000, kInterruptPorts, &interrupt_ops_}} {
    for (unsigned irq = 0; irq < kInterrupts; ++irq)
        lines_[irq] = env.isa_irq(irq);
}

PcTestDev::~PcTestDev() = default;

Status PcTestDev::plugged() {
    env_.topology().add(env_.system_space(), region_, kMemoryAddress, 1);
    return {};
}

void PcTestDev::unplugging() {
    env_.topology().remove(region_);
}

uint64_t PcTestDev::read_latch(uint64_t offset, unsigned size) {
    Locked lock(mutex_);
    return latch_ >> (8 * offset) & all_ones(size);
}

void PcTestDev::write_latch(uint64_t offset, uint64_t value, unsigned size) {
    Locked lock(mutex_);
    const uint64_t lanes = all_ones(size) << (8 * offset);
    latch_ = static_cast<uint32_t>((latch_ & ~lanes) | (value << (8 * offset) & lanes));
}

// The page goes from the accelerator's tables and comes back at the next touch; its contents stay.
void PcTestDev::drop_page(uint64_t offset, uint64_t value, unsigned size) {
    constexpr uint64_t kPage = 4096;
    if (offset != 0 || size != 4) return;
    const FlatViewPtr view = env_.dma().space().view();
    const FlatSection* section = view->find(Gpa(value));
    if (section == nullptr || section->ram == nullptr || section->readonly)
        return log_guest_error("pc-testdev: no RAM at 0x%llx", static_cast<unsigned long long>(value));
    const uint64_t at = section->ram_offset.raw() + (value - section->range.first().raw());
    uint8_t* page = section->ram->data() + at / kPage * kPage;
    if (section->ram->page_size() != kPage || ::mprotect(page, kPage, PROT_NONE) != 0) return;
    if (::mprotect(page, kPage, PROT_READ | PROT_WRITE) != 0)
        env_.requests().report_internal_error("pc-testdev: a page of RAM does not come back");
}

void PcTestDev::set_interrupt(uint64_t offset, uint64_t value, unsigned) {
    if (offset < kInterrupts)
        lines_[offset].set(value != 0);
    else
        log_guest_error("pc-testdev: there is no ISA interrupt %llu",
                        static_cast<unsigned long long>(offset));
}

uint64_t PcTestDev::read_memory(uint64_t offset, unsigned size) {
    Locked lock(mutex_);
    return load_le_sized(&memory_[offset], size);
}

void PcTestDev::write_memory(uint64_t offset, uint64_t value, unsigned size) {
    Locked lock(mutex_);
    store_le_sized(&memory_[offset], value, size);
}

}  // namespace vmm
