#include "hw/acpi/small_tables.h"

#include "util/check.h"

namespace vmm::acpi {

Table build_hpet(const HpetConfig& c, const TableIds& ids) {
    TableBuilder b("HPET", 1, ids);
    b.u32(c.event_timer_block_id).gas(AddressSpaceId::SystemMemory, 0, c.base);
    b.u8(0).u16(0).u8(0);  // number, minimum tick, page protection
    return b.finish();
}

Table build_mcfg(const McfgConfig& c, const TableIds& ids) {
    CHECK(c.first_bus <= c.last_bus, "buses %u to %u", c.first_bus, c.last_bus);
    TableBuilder b("MCFG", 1, ids);
    b.u64(0).u64(c.base).u16(0).u8(c.first_bus).u8(c.last_bus).u32(0);
    return b.finish();
}

Table build_waet(const TableIds& ids) {
    constexpr uint32_t kPmTimerGood = 1u << 1;
    return TableBuilder("WAET", 1, ids).u32(kPmTimerGood).finish();
}

}  // namespace vmm::acpi
