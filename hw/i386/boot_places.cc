#include "hw/i386/boot_places.h"

#include <algorithm>
#include <optional>

#include "util/align.h"
#include "util/size_text.h"

namespace vmm {

namespace {

// The highest place in [low, end); nothing when there is none.
std::optional<uint64_t> highest(uint64_t low, uint64_t end, uint64_t size) {
    if (end < size) return std::nullopt;
    const uint64_t at = align_down(end - size, kPageSize);
    if (at < low) return std::nullopt;
    return at;
}

}  // namespace

Result<uint64_t> place_high(BootRange room, uint64_t last_allowed, BootRange taken, uint64_t size,
                            const char* what) {
    const uint64_t low = align_up(room.base, kPageSize);
    const uint64_t end = last_allowed == ~uint64_t{0} ? room.end() : std::min(room.end(), last_allowed + 1);
    const bool apart = taken.size == 0 || taken.base >= end || taken.end() <= low;
    std::optional<uint64_t> at;
    if (apart) {
        at = highest(low, end, size);
    } else {
        at = highest(align_up(std::max(low, taken.end()), kPageSize), end, size);
        if (!at) at = highest(low, std::min(end, taken.base), size);
    }
    if (!at)
        return Error::make("no room for the %s (%s) below 0x%llx beside the kernel", what,
                           size_text(size).c_str(), static_cast<unsigned long long>(end))
            .with_hint("give the guest more memory");
    return *at;
}

}  // namespace vmm
