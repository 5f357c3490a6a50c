#include "hw/i386/direct_boot.h"

#include <algorithm>

#include "hw/i386/direct_boot_priv.h"
#include "hw/i386/linux_image.h"
#include "hw/i386/low_memory.h"
#include "hw/i386/multiboot_image.h"
#include "hw/i386/pvh_image.h"
#include "util/align.h"
#include "util/endian.h"
#include "util/size_text.h"

namespace vmm {

namespace {

constexpr uint64_t kLeastRam = 4 * kMiB;
constexpr uint16_t kCode32 = 0xc09b, kData32 = 0xc093, kTask32 = 0x008b, kCode16 = 0x9b, kData16 = 0x93;
constexpr uint64_t kCr0Pe = 1u << 0, kCr0Et = 1u << 4;

Status place_acpi(const DirectBoot& boot, BootPlan& plan, BootRange tables, GuestWriter& guest) {
    const acpi::PlacedTables placed = TRY(acpi::place(*boot.acpi, tables.base, low_memory::kRsdp));
    TRY(guest.write(tables.base, placed.tables));
    TRY(guest.write(low_memory::kRsdp, placed.rsdp));
    plan.rsdp = low_memory::kRsdp;
    return {};
}

Status place_smbios(const smbios::Image& image, GuestWriter& guest) {
    const uint64_t tables = low_memory::kBiosArea + 0x20;  // after the anchor
    if (image.tables.size() > low_memory::kFirmwareCode - tables)
        return Error::make("SMBIOS tables of %zu bytes do not fit below 1 MiB", image.tables.size());
    TRY(guest.write(low_memory::kBiosArea, smbios::placed_anchor(image, tables)));
    return guest.write(tables, image.tables);
}

bool holds(const BootRange& room, const ElfSegment& s) {
    return s.address >= room.base && s.memory_size <= room.size &&
           s.address - room.base <= room.size - s.memory_size;
}

}  // namespace

Status write_command_line(const std::string& line, uint64_t longest, GuestWriter& guest) {
    longest = std::min(longest, low_memory::kMaxCommandLine - 1);
    if (line.size() > longest)
        return Error::make("the command line has %zu characters; this kernel takes %llu", line.size(),
                           static_cast<unsigned long long>(longest));
    std::vector<uint8_t> bytes(line.begin(), line.end());
    bytes.push_back(0);
    return guest.write(low_memory::kCommandLine, bytes);
}

std::vector<BootMsr> memory_type_msrs() {
    constexpr uint32_t kMtrrDefaultType = 0x2ff;
    constexpr uint64_t kEnable = 1u << 11, kWriteBack = 6;
    return {{kMtrrDefaultType, kEnable | kWriteBack}};
}

BootRange extent(std::span<const ElfSegment> segments) {
    uint64_t low = ~uint64_t{0}, high = 0;
    for (const ElfSegment& s : segments) {
        low = std::min(low, s.address);
        high = std::max(high, s.address + s.memory_size);
    }
    return {low, high - low};
}

Status load_segments(std::span<const ElfSegment> segments, std::span<const BootRange> room,
                     GuestWriter& guest) {
    for (const ElfSegment& s : segments) {
        if (std::none_of(room.begin(), room.end(), [&s](const BootRange& r) { return holds(r, s); }))
            return Error::make(
                "the kernel's segment at 0x%llx (0x%llx bytes) is outside usable RAM, which is "
                "0x%llx to 0x%llx",
                static_cast<unsigned long long>(s.address), static_cast<unsigned long long>(s.memory_size),
                static_cast<unsigned long long>(room.front().base),
                static_cast<unsigned long long>(room.front().end()));
        if (!s.bytes.empty()) TRY(guest.write(s.address, s.bytes));
        if (s.memory_size > s.bytes.size())
            TRY(guest.clear(s.address + s.bytes.size(), s.memory_size - s.bytes.size()));
    }
    return {};
}

BootState flat_entry(uint32_t entry) {
    BootState s;
    s.rip = entry;
    s.rsp = low_memory::kStackTop;
    s.code = {8, 0, 0xffffffff, kCode32};
    s.data = {16, 0, 0xffffffff, kData32};
    s.task = {0, 0, 0x67, kTask32};
    s.cr0 = kCr0Pe | kCr0Et;
    s.msrs = memory_type_msrs();
    return s;
}

BootRange acpi_range(const BootMemory& memory, const acpi::AcpiImage* acpi) {
    const uint64_t size = acpi == nullptr ? 0 : align_up(acpi->placed_size(), kPageSize);
    return {align_down(memory.ram_below, kPageSize) - size, size};
}

BootState resume_at(uint32_t vector) {
    BootState s;
    s.rip = vector & 0xf;
    s.code = {static_cast<uint16_t>(vector >> 4), vector & 0xffff0, 0xffff, kCode16};
    s.data = {0, 0, 0xffff, kData16};
    s.task = {0, 0, 0x67, kTask32};
    s.idt = {0, 0x3ff};
    s.cr0 = kCr0Et;
    s.msrs = memory_type_msrs();
    return s;
}

Result<BootState> load_direct(const DirectBoot& boot, GuestWriter& guest) {
    if (boot.memory.ram_below < kLeastRam)
        return Error::make("a kernel needs at least %s of memory, not %s", size_text(kLeastRam).c_str(),
                           size_text(boot.memory.ram_below).c_str());
    const BootRange tables = acpi_range(boot.memory, boot.acpi);
    if (tables.base < 2 * kMiB || tables.base > boot.memory.ram_below)
        return Error::make("no room for ACPI tables of %s", size_text(tables.size).c_str());
    BootPlan plan;
    plan.ram = {kMiB, tables.base - kMiB};
    plan.e820 = direct_e820(boot.memory, tables);
    uint8_t ebda_segment[2];
    store_le<uint16_t>(ebda_segment, low_memory::kEbda >> 4);
    TRY(guest.write(low_memory::kEbdaPointer, ebda_segment));
    if (boot.acpi != nullptr) TRY(place_acpi(boot, plan, tables, guest));
    if (boot.smbios != nullptr) TRY(place_smbios(*boot.smbios, guest));
    if (looks_like_linux(boot.kernel)) return load_linux(boot, plan, guest);
    if (looks_like_multiboot(boot.kernel)) return load_multiboot(boot, plan, guest);
    if (looks_like_elf(boot.kernel)) return load_pvh(boot, plan, guest);
    return Error::make("neither a bzImage nor a multiboot or ELF file");
}

}  // namespace vmm
