#include "hw/i386/e820.h"

#include <algorithm>

#include "hw/i386/low_memory.h"
#include "util/align.h"
#include "util/check.h"
#include "util/endian.h"

namespace vmm {

E820Map firmware_e820(const BootMemory& m) {
    E820Map map;
    for (const BootRange& r : m.reserved)
        map.push_back({r.base, r.size, E820Type::Reserved});
    map.push_back({0, m.ram_below, E820Type::Ram});
    if (m.ram_above != 0) map.push_back({4 * kGiB, m.ram_above, E820Type::Ram});
    return map;
}

E820Map direct_e820(const BootMemory& m, BootRange acpi) {
    CHECK(acpi.size == 0 || (acpi.base >= kMiB && acpi.end() <= m.ram_below), "ACPI tables outside RAM");
    E820Map map = {
        {0, low_memory::kEbda, E820Type::Ram},
        {low_memory::kEbda, low_memory::kVideo - low_memory::kEbda, E820Type::Reserved},
        {low_memory::kBiosArea, kMiB - low_memory::kBiosArea, E820Type::Reserved},
    };
    auto add = [&map](uint64_t base, uint64_t end, E820Type type) {
        if (end > base) map.push_back({base, end - base, type});
    };
    if (acpi.size == 0) {
        add(kMiB, m.ram_below, E820Type::Ram);
    } else {
        add(kMiB, acpi.base, E820Type::Ram);
        add(acpi.base, acpi.end(), E820Type::Acpi);
        add(acpi.end(), m.ram_below, E820Type::Ram);
    }
    add(m.ecam.base, m.ecam.end(), E820Type::Reserved);
    for (const BootRange& r : m.reserved)
        add(r.base, r.end(), E820Type::Reserved);
    if (m.ram_above != 0) add(4 * kGiB, 4 * kGiB + m.ram_above, E820Type::Ram);
    std::sort(map.begin(), map.end(), [](const E820Entry& a, const E820Entry& b) { return a.base < b.base; });
    return map;
}

std::vector<uint8_t> e820_bytes(const E820Map& map) {
    std::vector<uint8_t> out(20 * map.size());
    uint8_t* at = out.data();
    for (const E820Entry& e : map) {
        store_le<uint64_t>(at, e.base);
        store_le<uint64_t>(at + 8, e.size);
        store_le<uint32_t>(at + 16, static_cast<uint32_t>(e.type));
        at += 20;
    }
    return out;
}

}  // namespace vmm
