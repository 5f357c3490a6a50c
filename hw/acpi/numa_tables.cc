#include "hw/acpi/numa_tables.h"

#include "util/check.h"

namespace vmm::acpi {

namespace {

constexpr uint32_t kEnabled = 1, kHotPluggable = 2;

void add_cpu(TableBuilder& b, const SratCpu& c) {
    if (needs_x2apic_entry(c.cpu)) {
        b.u8(2).u8(24).u16(0).u32(c.node).u32(c.cpu.apic_id).u32(kEnabled).u32(0).u32(0);
        return;
    }
    b.u8(0).u8(16).u8(static_cast<uint8_t>(c.node)).u8(static_cast<uint8_t>(c.cpu.apic_id)).u32(kEnabled);
    b.u8(0);  // SAPIC EID
    b.u8(static_cast<uint8_t>(c.node >> 8))
        .u8(static_cast<uint8_t>(c.node >> 16))
        .u8(static_cast<uint8_t>(c.node >> 24));
    b.u32(0);  // clock domain
}

}  // namespace

Table build_srat(const SratConfig& config, const TableIds& ids) {
    TableBuilder b("SRAT", 3, ids);
    b.u32(1).u64(0);
    for (const SratCpu& c : config.cpus)
        add_cpu(b, c);
    for (const SratMemory& m : config.memory) {
        b.u8(1).u8(40).u32(m.node).u16(0).u64(m.base).u64(m.size).u32(0);
        b.u32(kEnabled | (m.hot_pluggable ? kHotPluggable : 0u)).u64(0);
    }
    return b.finish();
}

Table build_slit(const Distances& distances, const TableIds& ids) {
    TableBuilder b("SLIT", 1, ids);
    b.u64(distances.size());
    for (const std::vector<uint8_t>& row : distances) {
        CHECK(row.size() == distances.size(), "distance row of %zu among %zu nodes", row.size(),
              distances.size());
        b.raw(row);
    }
    return b.finish();
}

}  // namespace vmm::acpi
