// See address_plan.h.
#include "hw/mem/address_plan.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "util/align.h"

namespace vmm {

namespace {

using ull = unsigned long long;

Error outside(const GpaRange& window, uint64_t address, uint64_t size) {
    return Error::make(
        "can't add memory device [0x%llx:0x%llx], usable range for memory devices [0x%llx:0x%llx]",
        static_cast<ull>(address), static_cast<ull>(size), static_cast<ull>(window.first().raw()),
        static_cast<ull>(window.size()));
}

bool contains(const GpaRange& window, const GpaRange& range) {
    return range.first() >= window.first() && range.last() <= window.last();
}

Result<GpaRange> place_as_asked(const GpaRange& window, std::span<const PlacedModule> there,
                                const ModuleRequest& request) {
    if (!is_aligned(request.address, request.alignment))
        return Error::make("address must be aligned to 0x%llx bytes", static_cast<ull>(request.alignment));
    const std::optional<GpaRange> range = GpaRange::make(Gpa(request.address), request.size);
    if (!range || !contains(window, *range)) return outside(window, request.address, request.size);
    for (const PlacedModule& other : there)
        if (other.range.overlaps(*range))
            return Error::make("address range conflicts with memory device id='%s'", other.name.c_str());
    return *range;
}

}  // namespace

Result<GpaRange> plan_module(const GpaRange& window, std::span<const PlacedModule> there,
                             const ModuleRequest& request) {
    if (request.size == 0 || !is_aligned(request.size, request.alignment))
        return Error::make("backend memory size must be multiple of 0x%llx",
                           static_cast<ull>(request.alignment));
    if (request.address != 0) return place_as_asked(window, there, request);
    std::vector<GpaRange> taken;
    for (const PlacedModule& module : there)
        taken.push_back(module.range);
    std::sort(taken.begin(), taken.end(),
              [](const GpaRange& a, const GpaRange& b) { return a.first() < b.first(); });
    std::optional<uint64_t> at = checked_align_up(window.first().raw(), request.alignment);
    for (const GpaRange& module : taken) {
        if (!at) break;
        const std::optional<GpaRange> range = GpaRange::make(Gpa(*at), request.size);
        if (!range || !range->overlaps(module)) {
            if (range && range->last() < module.first()) break;
            if (!range) at.reset();
            continue;
        }
        at = module.last().raw() == ~uint64_t{0}
                 ? std::nullopt
                 : checked_align_up(module.last().raw() + 1, request.alignment);
    }
    const std::optional<GpaRange> range = at ? GpaRange::make(Gpa(*at), request.size) : std::nullopt;
    if (range && contains(window, *range)) return *range;
    return Error::make(
        "could not find position in guest address space for memory device - memory "
        "fragmented due to alignments");
}

}  // namespace vmm
