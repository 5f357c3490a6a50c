// Loads an ELF for its PVH entry: segments, initrd as the only module, start info (version 1 with the memory
// map). Xen's PVH ABI: 32-bit flat protected mode, EBX = start info. See direct_boot.h.
#include <algorithm>

#include "hw/i386/boot_places.h"
#include "hw/i386/direct_boot_priv.h"
#include "hw/i386/low_memory.h"
#include "hw/i386/pvh_image.h"
#include "util/align.h"
#include "util/endian.h"

namespace vmm {

namespace {

constexpr uint32_t kStartMagic = 0x336ec578, kStartVersion = 1;
constexpr size_t kStartSize = 56, kModuleSize = 32, kMapEntrySize = 24;
constexpr uint64_t kModuleAt = low_memory::kStartInfo + 64;
constexpr uint64_t kMapAt = kModuleAt + 64;

Status write_start_info(const BootPlan& plan, uint64_t initrd, uint64_t initrd_size, GuestWriter& guest) {
    if (kMapAt + plan.e820.size() * kMapEntrySize > low_memory::kZeroPage)
        return Error::make("%zu memory ranges in the memory map", plan.e820.size());
    uint8_t start[kStartSize] = {};
    store_le<uint32_t>(&start[0], kStartMagic);
    store_le<uint32_t>(&start[4], kStartVersion);
    store_le<uint32_t>(&start[12], initrd_size != 0 ? 1 : 0);
    store_le<uint64_t>(&start[16], initrd_size != 0 ? kModuleAt : 0);
    store_le<uint64_t>(&start[24], low_memory::kCommandLine);
    store_le<uint64_t>(&start[32], plan.rsdp);
    store_le<uint64_t>(&start[40], kMapAt);
    store_le<uint32_t>(&start[48], static_cast<uint32_t>(plan.e820.size()));
    TRY(guest.write(low_memory::kStartInfo, start));
    uint8_t module[kModuleSize] = {};
    store_le<uint64_t>(&module[0], initrd);
    store_le<uint64_t>(&module[8], initrd_size);
    TRY(guest.write(kModuleAt, module));
    std::vector<uint8_t> map(plan.e820.size() * kMapEntrySize);
    for (size_t i = 0; i < plan.e820.size(); ++i) {
        store_le<uint64_t>(&map[i * kMapEntrySize], plan.e820[i].base);
        store_le<uint64_t>(&map[i * kMapEntrySize + 8], plan.e820[i].size);
        store_le<uint32_t>(&map[i * kMapEntrySize + 16], static_cast<uint32_t>(plan.e820[i].type));
    }
    return guest.write(kMapAt, map);
}

}  // namespace

Result<BootState> load_pvh(const DirectBoot& boot, const BootPlan& plan, GuestWriter& guest) {
    if (!boot.dtb.empty()) return Error::make("a device tree cannot be given to a PVH kernel");
    const PvhImage image = TRY(parse_pvh_image(boot.kernel));
    TRY(load_segments(image.segments, std::span(&plan.ram, 1), guest));
    uint64_t initrd = 0;
    if (!boot.initrd.empty()) {
        initrd = TRY(place_high(plan.ram, 0xffffffff, extent(image.segments), boot.initrd.size(), "initrd"));
        TRY(guest.write(initrd, boot.initrd));
    }
    TRY(write_command_line(boot.command_line, low_memory::kMaxCommandLine - 1, guest));
    TRY(write_start_info(plan, initrd, boot.initrd.size(), guest));
    BootState s = flat_entry(image.entry);
    s.rbx = low_memory::kStartInfo;
    return s;
}

}  // namespace vmm
