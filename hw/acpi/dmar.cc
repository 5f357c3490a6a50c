// See dmar.h.
#include "hw/acpi/dmar.h"

namespace vmm::acpi {

Table build_dmar(const DmarConfig& config, const TableIds& ids) {
    constexpr uint16_t kHardwareUnit = 0;
    constexpr uint8_t kInterruptRemapping = 1, kAllFunctions = 1, kIoApicScope = 3, kScopeSize = 8;
    // A bus number that no function has.
    constexpr uint8_t kPlatformBus = 0xff;
    TableBuilder b("DMAR", 1, ids);
    b.u8(static_cast<uint8_t>(config.address_bits - 1));
    b.u8(config.remaps_interrupts ? kInterruptRemapping : 0).zeros(10);
    b.u16(kHardwareUnit).u16(16 + kScopeSize).u8(kAllFunctions).u8(0).u16(0).u64(config.base);
    b.u8(kIoApicScope).u8(kScopeSize).u16(0).u8(config.ioapic_id).u8(kPlatformBus).u8(0).u8(0);
    return b.finish();
}

}  // namespace vmm::acpi
