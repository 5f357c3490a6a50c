// An address within the window is bus, device, function and register.
#include "hw/pci/ecam.h"

#include "util/bits.h"

namespace vmm::pci {

namespace {

Address target(uint64_t offset) {
    return {static_cast<uint8_t>(Bits<27, 20>::get(offset)),
            DevFn::from_raw(static_cast<uint8_t>(Bits<19, 12>::get(offset)))};
}

unsigned config_offset(uint64_t offset) {
    return static_cast<unsigned>(Bits<11, 0>::get(offset));
}

}  // namespace

uint64_t EcamWindow::read(uint64_t offset, unsigned size) {
    return root_.config_read(target(offset), config_offset(offset), size);
}

void EcamWindow::write(uint64_t offset, uint64_t value, unsigned size) {
    root_.config_write(target(offset), config_offset(offset), static_cast<uint32_t>(value), size);
}

}  // namespace vmm::pci
