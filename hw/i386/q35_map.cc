// The q35 memory map; see q35_map.h.
#include "hw/i386/q35_map.h"

#include <algorithm>

#include "util/size_text.h"

namespace vmm {

namespace {

// RAM that ends below the ECAM stays in one piece; more is cut at 2 GiB, so that 32-bit BARs have room.
uint64_t default_split(uint64_t ram_size) {
    return ram_size >= kEcamBase ? 2 * kGiB : kEcamBase;
}

Status check(const Q35MapRequest& request) {
    if (request.ram_size == 0 || !is_aligned(request.ram_size, kPageSize))
        return Error::make("RAM of %s is not a whole number of pages", size_text(request.ram_size).c_str());
    if (request.ram_size < kMiB) {
        return Error::make("RAM of %s is less than a PC can start with", size_text(request.ram_size).c_str())
            .with_hint("give at least 1 MiB");
    }
    uint64_t limit = request.max_ram_below_4g;
    if (limit != 0 && (limit < kMiB || limit > kEcamBase || !is_aligned(limit, kMiB))) {
        return Error::make(
            "max-ram-below-4g=%s must be whole megabytes from 1 MiB to %s, where the PCI configuration "
            "window starts",
            size_text(limit).c_str(), size_text(kEcamBase).c_str());
    }
    if (request.firmware_size > kMaxFirmwareSize) {
        return Error::make("the firmware has %s, the limit is %s", size_text(request.firmware_size).c_str(),
                           size_text(kMaxFirmwareSize).c_str());
    }
    if (!is_aligned(request.firmware_size, kPageSize)) {
        return Error::make("the firmware has %s, which is not a whole number of pages",
                           size_text(request.firmware_size).c_str())
            .with_hint("pad it at the front: its last byte is the last below 4 GiB");
    }
    return {};
}

// Above RAM. A gigabyte more a slot, so that any order of modules finds aligned places.
Status keep_for_modules(const Q35MapRequest& request, Q35Map& map, uint64_t& top) {
    if (request.module_bytes == 0) return {};
    const std::optional<uint64_t> first = checked_align_up(top, kGiB);
    uint64_t size = 0;
    if (first && !__builtin_add_overflow(request.module_bytes, request.module_slots * kGiB, &size))
        map.modules = GpaRange::make(Gpa(*first), size);
    if (!map.modules || map.modules->last().raw() == ~uint64_t{0})
        return Error::make("maxmem= is more than 64 bits can address");
    top = map.modules->last().raw() + 1;
    return {};
}

}  // namespace

Result<Q35Map> lay_out_q35(const Q35MapRequest& request) {
    TRY(check(request));
    Q35Map map;
    uint64_t split =
        request.max_ram_below_4g != 0 ? request.max_ram_below_4g : default_split(request.ram_size);
    uint64_t below = std::min(request.ram_size, split);
    map.ram_below = GpaRange::of(Gpa(0), below);
    uint64_t top = kFourGiB;
    if (request.ram_size > below) {
        map.ram_above = GpaRange::make(Gpa(kFourGiB), request.ram_size - below);
        if (!map.ram_above)
            return Error::make("RAM of %s does not fit into 64 bits", size_text(request.ram_size).c_str());
        top = map.ram_above->last().raw() + 1;
    }
    TRY(keep_for_modules(request, map, top));
    uint64_t reach = request.phys_bits >= 64 ? 0 : uint64_t{1} << request.phys_bits;
    if (reach != 0 && top > reach) {
        return Error::make("RAM of %s%s ends above what the CPU's %u physical address bits reach",
                           size_text(request.ram_size).c_str(),
                           map.modules ? " with what maxmem= keeps for more" : "", request.phys_bits)
            .with_hint("raise phys-bits with -cpu, or lower -m");
    }
    map.pci_hole = GpaRange::between(map.ecam.last() + 1, Gpa(kIoApicBase - 1));
    std::optional<uint64_t> hole64 = checked_align_up(top, kGiB);
    if (hole64 && request.pci_hole64_size != 0) {
        std::optional<GpaRange> window = GpaRange::make(Gpa(*hole64), request.pci_hole64_size);
        if (window && (reach == 0 || window->last().raw() < reach)) map.pci_hole64 = window;
    }
    if (request.firmware_size != 0) {
        map.firmware = GpaRange::of(Gpa(kFourGiB - request.firmware_size), request.firmware_size);
        uint64_t visible = std::min(request.firmware_size, kIsaBiosMax);
        map.isa_bios = GpaRange::of(Gpa(kMiB - visible), visible);
    }
    return map;
}

}  // namespace vmm
