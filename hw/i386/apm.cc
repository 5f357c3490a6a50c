// See apm.h.
#include "hw/i386/apm.h"

#include "util/log.h"

namespace vmm {

uint64_t Apm::read(uint64_t offset, unsigned) {
    Locked lock(mutex_);
    return offset == 0 ? control_ : status_;
}

void Apm::write(uint64_t offset, uint64_t value, unsigned) {
    const auto byte = static_cast<uint8_t>(value);
    {
        Locked lock(mutex_);
        (offset == 0 ? control_ : status_) = byte;
    }
    if (offset != 0) return;
    if (byte == kAcpiEnable || byte == kAcpiDisable)
        pm_.set_acpi_mode(byte == kAcpiEnable);
    else
        log_unimplemented("APM command 0x%x: there is no system-management mode", byte);
}

void Apm::reset() {
    Locked lock(mutex_);
    control_ = status_ = 0;
}

}  // namespace vmm
