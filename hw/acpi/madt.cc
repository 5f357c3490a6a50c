#include "hw/acpi/madt.h"

#include <algorithm>

#include "util/endian.h"

namespace vmm::acpi {

namespace {

enum class Entry : uint8_t {
    LocalApic = 0,
    IoApic = 1,
    Override = 2,
    LocalApicNmi = 4,
    LocalX2Apic = 9,
    LocalX2ApicNmi = 10,
};
constexpr uint32_t kPcAtCompatible = 1;  // two 8259s
constexpr uint16_t kBusDefault = 0;      // polarity and trigger as the bus has them
constexpr uint16_t kLevelActiveHigh = 0x0d;
constexpr uint8_t kNmiPin = 1;  // LINT1
constexpr uint8_t kAllCpus = 0xff;
constexpr uint32_t kAllX2Cpus = 0xffffffff;

TableBuilder& entry(TableBuilder& b, Entry type, uint8_t length) {
    return b.u8(static_cast<uint8_t>(type)).u8(length);
}

void put(std::vector<uint8_t>& to, uint32_t value) {
    to.resize(to.size() + 4);
    store_le<uint32_t>(to.data() + to.size() - 4, value);
}

}  // namespace

bool needs_x2apic_entry(const MadtCpu& cpu) {
    return cpu.apic_id >= 255 || cpu.uid >= 255;
}

std::vector<MadtOverride> q35_overrides() {
    return {{0, 2, false}, {5, 5, true}, {9, 9, true}, {10, 10, true}, {11, 11, true}};
}

std::vector<uint8_t> madt_entry(const MadtCpu& cpu) {
    const uint32_t flags = cpu.enabled ? 1 : 0;
    if (needs_x2apic_entry(cpu)) {
        std::vector<uint8_t> bytes = {static_cast<uint8_t>(Entry::LocalX2Apic), 16, 0, 0};
        for (uint32_t word : {cpu.apic_id, flags, cpu.uid})
            put(bytes, word);
        return bytes;
    }
    std::vector<uint8_t> bytes = {static_cast<uint8_t>(Entry::LocalApic), 8, static_cast<uint8_t>(cpu.uid),
                                  static_cast<uint8_t>(cpu.apic_id)};
    put(bytes, flags);
    return bytes;
}

Table build_madt(const MadtConfig& c, const TableIds& ids) {
    TableBuilder b("APIC", 3, ids);
    b.u32(c.lapic_address).u32(c.has_pic ? kPcAtCompatible : 0);
    for (const MadtCpu& cpu : c.cpus)
        b.raw(madt_entry(cpu));
    if (c.has_ioapic) entry(b, Entry::IoApic, 12).u8(c.ioapic_id).u8(0).u32(c.ioapic_address).u32(0);
    for (const MadtOverride& o : c.overrides)
        entry(b, Entry::Override, 10)
            .u8(0)
            .u8(o.irq)
            .u32(o.gsi)
            .u16(o.level ? kLevelActiveHigh : kBusDefault);
    entry(b, Entry::LocalApicNmi, 6).u8(kAllCpus).u16(kBusDefault).u8(kNmiPin);
    if (std::any_of(c.cpus.begin(), c.cpus.end(), needs_x2apic_entry))
        entry(b, Entry::LocalX2ApicNmi, 12).u16(kBusDefault).u32(kAllX2Cpus).u8(kNmiPin).zeros(3);
    return b.finish();
}

}  // namespace vmm::acpi
