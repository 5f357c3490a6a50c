// Private and shared runs of a RAM block; see attributes.h.
#include "system/memory/attributes.h"

#include <limits>

namespace vmm {

std::vector<VisibilityRun> VisibilityMap::runs(RamRange range) const {
    return runs(range, std::numeric_limits<size_t>::max());
}

std::vector<VisibilityRun> VisibilityMap::runs(RamRange range, size_t limit) const {
    std::vector<VisibilityRun> found;
    map_.visit(range.first().raw(), range.last().raw(), [&](uint64_t first, uint64_t last, Visibility v) {
        if (found.size() == limit) return false;
        found.push_back({RamRange::between(RamOffset(first), RamOffset(last)), v});
        return true;
    });
    return found;
}

uint64_t VisibilityMap::bytes(RamRange range, Visibility visibility) const {
    uint64_t sum = 0;
    map_.visit(range.first().raw(), range.last().raw(), [&](uint64_t first, uint64_t last, Visibility v) {
        if (v == visibility) sum += last - first + 1;
        return true;
    });
    return sum;
}

}  // namespace vmm
