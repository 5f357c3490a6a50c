// Configuration mechanism #1.
#include "hw/pci/host.h"

#include "util/bits.h"

namespace vmm::pci {

namespace {

using Enable = Bits<31>;
using BusNumber = Bits<23, 16>;
using Target = Bits<15, 8>;  // device and function
using Register = Bits<7, 0>;

Address target(uint32_t address) {
    return {static_cast<uint8_t>(BusNumber::get(address)),
            DevFn::from_raw(static_cast<uint8_t>(Target::get(address)))};
}

// Bits 1-0 of the address are reserved, but there is software that selects the byte by them and then always
// accesses the first data port; other virtual boards let it.
unsigned config_offset(uint32_t address, uint64_t byte, unsigned size) {
    return static_cast<unsigned>(Register::get(address) | byte) & ~(size - 1);
}

}  // namespace

uint32_t ConfigPorts::selected() {
    Locked lock(mutex_);
    return address_;
}

void ConfigPorts::reset_enter() {
    Locked lock(mutex_);
    address_ = 0;
}

uint64_t ConfigPorts::AddressOps::read(uint64_t offset, unsigned size) {
    if (offset == 0 && size == 4) return ports_.selected();
    uint64_t value = all_ones(size);
    for (unsigned i = 0; ports_.byte_registers_ != nullptr && i < size; ++i) {
        const uint64_t byte = ports_.byte_registers_->read(offset + i, 1) & 0xff;
        value = (value & ~(uint64_t{0xff} << (8 * i))) | byte << (8 * i);
    }
    return value;
}

void ConfigPorts::AddressOps::write(uint64_t offset, uint64_t value, unsigned size) {
    if (offset != 0 || size != 4) {
        for (unsigned i = 0; ports_.byte_registers_ != nullptr && i < size; ++i)
            ports_.byte_registers_->write(offset + i, value >> (8 * i) & 0xff, 1);
        return;
    }
    Locked lock(ports_.mutex_);
    ports_.address_ = static_cast<uint32_t>(value);
}

uint64_t ConfigPorts::DataOps::read(uint64_t offset, unsigned size) {
    const uint32_t address = ports_.selected();
    if (!Enable::test(address)) return all_ones(size);
    return ports_.root_.config_read(target(address), config_offset(address, offset, size), size);
}

void ConfigPorts::DataOps::write(uint64_t offset, uint64_t value, unsigned size) {
    const uint32_t address = ports_.selected();
    if (!Enable::test(address)) return;
    ports_.root_.config_write(target(address), config_offset(address, offset, size),
                              static_cast<uint32_t>(value), size);
}

}  // namespace vmm::pci
