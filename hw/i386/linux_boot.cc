// Loads a bzImage for its 64-bit entry: kernel, initrd, zero page, GDT and identity page tables; see
// linux_boot.h and direct_boot.h.
#include "hw/i386/linux_boot.h"

#include <algorithm>

#include "hw/i386/boot_places.h"
#include "hw/i386/direct_boot_priv.h"
#include "hw/i386/linux_header.h"
#include "hw/i386/low_memory.h"
#include "util/align.h"
#include "util/check.h"
#include "util/endian.h"
#include "util/size_text.h"

namespace vmm {

namespace {

constexpr uint64_t kSetupDataHeader = 16;
constexpr uint16_t kCodeSelector = 0x10, kDataSelector = 0x18, kTaskSelector = 0x20;
constexpr uint16_t kCode64 = 0xa09b, kData = 0xc093, kTask = 0x008b;  // as in BootSegment::attributes
constexpr uint32_t kTaskLimit = 0x67;

constexpr uint64_t kCr0Pe = 1u << 0, kCr0Et = 1u << 4, kCr0Wp = 1u << 16, kCr0Pg = 1u << 31;
constexpr uint64_t kCr4Pae = 1u << 5;
constexpr uint64_t kEferLme = 1u << 8, kEferLma = 1u << 10;

bool fits(BootRange room, uint64_t at, uint64_t size) {
    return at >= room.base && size <= room.size && at - room.base <= room.size - size;
}

Result<uint64_t> place_kernel(const LinuxImage& image, BootRange low) {
    if (fits(low, image.preferred_address, image.memory_needed)) return image.preferred_address;
    if (image.relocatable) {
        const std::optional<uint64_t> at =
            checked_align_up(low.base, std::max<uint64_t>(image.alignment, kPageSize));
        if (at && fits(low, *at, image.memory_needed)) return *at;
    }
    return Error::make("the kernel needs %s of memory at 0x%llx; usable RAM ends at 0x%llx",
                       size_text(image.memory_needed).c_str(),
                       static_cast<unsigned long long>(image.preferred_address),
                       static_cast<unsigned long long>(low.end()))
        .with_hint("give the guest more memory");
}

Status write_gdt(GuestWriter& guest) {
    uint8_t gdt[48] = {};
    auto descriptor = [&gdt](uint16_t selector, uint32_t limit, uint16_t attributes) {
        store_le<uint64_t>(&gdt[selector], (limit & 0xffffu) | uint64_t{attributes & 0xffu} << 40 |
                                               uint64_t{(limit >> 16) & 0xfu} << 48 |
                                               uint64_t{(attributes >> 12) & 0xfu} << 52);
    };
    descriptor(kCodeSelector, 0xfffff, kCode64);
    descriptor(kDataSelector, 0xfffff, kData);
    descriptor(kTaskSelector, kTaskLimit, kTask);  // base 0; its upper half is 0 too
    return guest.write(low_memory::kGdt, gdt);
}

// The first 4 GiB, each address its own, in 2 MiB pages.
Status write_page_tables(GuestWriter& guest) {
    constexpr uint64_t kPresentWritable = 3, kLarge = 1u << 7, kEntries = 512, kDirectories = 4;
    std::vector<uint8_t> tables((2 + kDirectories) * kPageSize);
    auto set = [&tables](uint64_t page, uint64_t entry, uint64_t value) {
        store_le<uint64_t>(&tables[page * kPageSize + entry * 8], value);
    };
    set(0, 0, (low_memory::kPageTables + kPageSize) | kPresentWritable);
    for (uint64_t i = 0; i < kDirectories; ++i)
        set(1, i, (low_memory::kPageTables + (2 + i) * kPageSize) | kPresentWritable);
    for (uint64_t i = 0; i < kDirectories * kEntries; ++i)
        set(2 + i / kEntries, i % kEntries, i * 2 * kMiB | kLarge | kPresentWritable);
    return guest.write(low_memory::kPageTables, tables);
}

Status write_zero_page(const DirectBoot& boot, const BootPlan& plan, const LinuxImage& image,
                       const LinuxPlaces& places, GuestWriter& guest) {
    using namespace linux_header;
    if (plan.e820.size() > kE820Max)
        return Error::make("%zu memory ranges in the E820 map", plan.e820.size());
    std::vector<uint8_t> page(kPageSize);
    std::copy(boot.kernel.begin() + kSetupSectors, boot.kernel.begin() + image.header_end,
              page.begin() + kSetupSectors);
    page[kLoaderType] = kUnknownLoader;
    store_le<uint32_t>(&page[kCode32Start], static_cast<uint32_t>(places.kernel));
    store_le<uint32_t>(&page[kCommandLinePointer], static_cast<uint32_t>(low_memory::kCommandLine));
    const uint64_t initrd_size = boot.initrd.size();
    store_le<uint32_t>(&page[kRamdiskImage], static_cast<uint32_t>(places.initrd));
    store_le<uint32_t>(&page[kRamdiskSize], static_cast<uint32_t>(initrd_size));
    store_le<uint32_t>(&page[kRamdiskImageHigh], static_cast<uint32_t>(places.initrd >> 32));
    store_le<uint32_t>(&page[kRamdiskSizeHigh], static_cast<uint32_t>(initrd_size >> 32));
    store_le<uint64_t>(&page[kSetupData], places.dtb);
    store_le<uint64_t>(&page[kAcpiRsdp], plan.rsdp);
    page[kE820Count] = static_cast<uint8_t>(plan.e820.size());
    const std::vector<uint8_t> map = e820_bytes(plan.e820);
    std::copy(map.begin(), map.end(), page.begin() + kE820Table);
    return guest.write(low_memory::kZeroPage, page);
}

Status write_dtb(std::span<const uint8_t> dtb, uint64_t at, GuestWriter& guest) {
    uint8_t header[kSetupDataHeader] = {};  // next: none
    store_le<uint32_t>(&header[8], linux_header::kSetupDataDtb);
    store_le<uint32_t>(&header[12], static_cast<uint32_t>(dtb.size()));
    TRY(guest.write(at, header));
    return guest.write(at + kSetupDataHeader, dtb);
}

BootState linux_entry(uint64_t kernel) {
    BootState s;
    s.rip = kernel + linux_header::kEntry64;
    s.rsp = low_memory::kStackTop;
    s.rsi = low_memory::kZeroPage;
    s.code = {kCodeSelector, 0, 0xffffffff, kCode64};
    s.data = {kDataSelector, 0, 0xffffffff, kData};
    s.task = {kTaskSelector, 0, kTaskLimit, kTask};
    s.gdt = {low_memory::kGdt, 47};
    s.cr0 = kCr0Pe | kCr0Et | kCr0Wp | kCr0Pg;
    s.cr3 = low_memory::kPageTables;
    s.cr4 = kCr4Pae;
    s.efer = kEferLme | kEferLma;
    s.msrs = memory_type_msrs();
    return s;
}

}  // namespace

Result<LinuxPlaces> place_linux(const LinuxImage& image, BootRange low, BootRange high, uint64_t initrd_size,
                                uint64_t dtb_size) {
    LinuxPlaces p;
    p.kernel = TRY(place_kernel(image, low));
    const BootRange kernel = {p.kernel, image.memory_needed};
    if (dtb_size != 0) {
        p.dtb = TRY(place_high(low, 0xffffffff, kernel, kSetupDataHeader + dtb_size, "device tree"));
        low.size = p.dtb >= kernel.end() ? p.dtb - low.base : low.size;
        if (p.dtb < kernel.base) low = {low.base, p.dtb - low.base};
    }
    if (initrd_size == 0) return p;
    Result<uint64_t> below = place_high(low, image.max_initrd_address, kernel, initrd_size, "initrd");
    if (below || !image.above_4g || high.size == 0) {
        p.initrd = TRY(std::move(below));
        return p;
    }
    p.initrd = TRY(place_high(high, ~uint64_t{0}, {}, initrd_size, "initrd"));
    return p;
}

Result<BootState> load_linux(const DirectBoot& boot, const BootPlan& plan, GuestWriter& guest) {
    const LinuxImage image = TRY(parse_linux_image(boot.kernel));
    if (!image.entry_64)
        return Error::make("the kernel has no 64-bit entry").with_hint("boot it through firmware (-bios)");
    const LinuxPlaces places = TRY(
        place_linux(image, plan.ram, {4 * kGiB, boot.memory.ram_above}, boot.initrd.size(), boot.dtb.size()));
    TRY(guest.write(places.kernel, boot.kernel.subspan(image.setup_size)));
    if (!boot.initrd.empty()) TRY(guest.write(places.initrd, boot.initrd));
    if (!boot.dtb.empty()) TRY(write_dtb(boot.dtb, places.dtb, guest));
    TRY(write_command_line(boot.command_line, image.max_command_line, guest));
    TRY(write_gdt(guest));
    TRY(write_page_tables(guest));
    TRY(write_zero_page(boot, plan, image, places, guest));
    return linux_entry(places.kernel);
}

}  // namespace vmm
