// See ich9_ahci.h.
#include "hw/ata/ich9_ahci.h"

#include "hw/pci/bus.h"
#include "util/text.h"

namespace vmm::ata {

namespace {

constexpr pci::Identity kIdentity = {.vendor = 0x8086,
                                     .device = 0x2922,
                                     .class_code = 0x010601,  // SATA, AHCI 1.0
                                     .revision = 0x02,
                                     .subsystem_vendor = 0x1af4,
                                     .subsystem = 0x1100,
                                     .interrupt_pin = 1};
constexpr unsigned kMessageCapability = 0x80, kSataCapability = 0xa8;
constexpr unsigned kMapRegister = 0x90, kPortControl = 0x92;
constexpr uint8_t kSataCapabilityId = 0x12;
constexpr unsigned kPairSize = 32, kIndexAt = 0x10, kDataAt = 0x14;
constexpr unsigned kPairBar = 4, kRegisterBar = 5;

pci::Identity board_identity() {
    pci::Identity identity = kIdentity;
    identity.multifunction = true;
    return identity;
}

}  // namespace

uint64_t Ich9Ahci::IndexData::read(uint64_t offset, unsigned size) {
    if (offset == kIndexAt) return index_.load(std::memory_order_relaxed);
    return offset == kDataAt ? hba_.read(index_.load(std::memory_order_relaxed), size) : 0;
}

void Ich9Ahci::IndexData::write(uint64_t offset, uint64_t value, unsigned size) {
    if (offset == kIndexAt) index_.store(value & (kAhciMemorySize - 4), std::memory_order_relaxed);
    if (offset == kDataAt) hba_.write(index_.load(std::memory_order_relaxed), value, size);
}

Ich9Ahci::Ich9Ahci(const Config& config, DmaSpace& dma, EventLoop& loop, const std::string& bus_prefix,
                   std::string id)
    : Function(config.addr == kBoardAddress ? board_identity() : kIdentity, config, std::move(id)),
      dma_(dma.space(), &requester_),
      hba_({mutex(), *this, dma_, loop}, kPorts),
      index_data_(hba_),
      registers_(MemoryRegion::io("ahci", kAhciMemorySize, hba_)),
      pair_(MemoryRegion::io("ahci-idp", kPairSize, index_data_)) {
    add_bar(kPairBar, pci::BarKind::Io, pair_);
    add_bar(kRegisterBar, pci::BarKind::Memory32, registers_);
    add_mode_registers();
    // The list begins with what was added last.
    add_sata_capability();
    add_msi(1, pci::VectorMasks::No, kMessageCapability);
    freeze();
    for (unsigned i = 0; i < kPorts; ++i) {
        buses_.push_back(
            std::make_unique<IdeBus>(strf("%s.%u", bus_prefix.c_str(), i), this, hba_.port(i), i));
        bus_list_.push_back(buses_.back().get());
    }
}

Result<std::unique_ptr<Ich9Ahci>> Ich9Ahci::create(const Config& config, DeviceEnv& env,
                                                   const std::string& id) {
    const std::string prefix = id.empty() ? std::string(kInfo.name) : id;
    return std::make_unique<Ich9Ahci>(config, env.dma(), env.loop(), prefix, id);
}

std::unique_ptr<Ich9Ahci> Ich9Ahci::create_for_board(DmaSpace& dma, EventLoop& loop) {
    Config config;
    config.addr = kBoardAddress;
    return std::make_unique<Ich9Ahci>(config, dma, loop, "ide", std::string());
}

// ICH9 14.1.31 and 32: AHCI mode, and which ports are enabled. Firmware sets the latter; ours always are.
void Ich9Ahci::add_mode_registers() {
    Locked lock(mutex());
    config().set8(kMapRegister, 0x40);
    config().set_writable(kPortControl, (1u << kPorts) - 1, 1);
}

// Where the index and data pair is: AHCI 1.3.1, 2.4.
void Ich9Ahci::add_sata_capability() {
    constexpr unsigned kSize = 8;
    Locked lock(mutex());
    const unsigned at = config().add_capability(kSataCapabilityId, kSize, kSataCapability);
    config().set16(at + 2, 0x0010);  // revision 1.0
    // BAR 4 is written as 8; the offset counts double words.
    config().set32(at + 4, 8u | kIndexAt / 4 << 4);
}

void Ich9Ahci::set_interrupt(bool level, bool news) {
    set_intx(level);
    if (level && news) (void)signal(0);
}

// Serial numbers of the board's drives are QM00001, QM00003 ...; those of others differ by address.
Status Ich9Ahci::joining(pci::Bus& bus) {
    const bool boards = bus.bridge() == nullptr && devfn() == kBoardAddress;
    const unsigned first = boards ? 0 : 2 * kPorts * (1 + (unsigned{bus.number()} << 8 | devfn().raw()));
    for (unsigned i = 0; i < kPorts; ++i)
        buses_[i]->set_serial(first + 2 * i + 1);
    return {};
}

void Ich9Ahci::reset_hold() {
    hba_.power_on_reset();
    Function::reset_hold();
}

}  // namespace vmm::ata
