// VisibilityMap: which pages of a RAM block are private and which shared. This is user space's own truth: the
// kernel cannot be asked. Changed by the conversion engine only (conversion.h); read by anyone, at any time.
// Thread-safe without a lock (page_map.h says what a reader sees of a conversion in progress).
#pragma once

#include <cstdint>
#include <vector>

#include "system/memory/address.h"
#include "system/memory/page_map.h"
#include "system/memory/visibility.h"

namespace vmm {

struct VisibilityRun {
    RamRange range;
    Visibility visibility;
    bool operator==(const VisibilityRun&) const = default;
};

class VisibilityMap {
  public:
    explicit VisibilityMap(Visibility everywhere) : map_(everywhere) {}

    Visibility at(RamOffset offset) const { return map_.at(offset.raw()); }
    bool is_all(RamRange range, Visibility visibility) const {
        return map_.is_all(range.first().raw(), range.last().raw(), visibility);
    }
    PageMap::Spot spot(RamRange range) const { return map_.spot(range.first().raw(), range.last().raw()); }
    // Maximal runs, in order, that together are the range.
    std::vector<VisibilityRun> runs(RamRange range) const;
    // As runs(), but at most `limit` of them.
    std::vector<VisibilityRun> runs(RamRange range, size_t limit) const;
    // Calls visit(range, visibility) for each of them.
    template <typename Visit>
    void visit(RamRange range, Visit visit) const {
        map_.visit(range.first().raw(), range.last().raw(), [&](uint64_t first, uint64_t last, Visibility v) {
            visit(RamRange::between(RamOffset(first), RamOffset(last)), v);
            return true;
        });
    }
    // Bytes of the range that are `visibility`.
    uint64_t bytes(RamRange range, Visibility visibility) const;
    void set(RamRange range, Visibility visibility) {
        map_.set(range.first().raw(), range.last().raw(), visibility);
    }

  private:
    PageMap map_;
};

}  // namespace vmm
