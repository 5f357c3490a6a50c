// PageSet: which pages of a guest are something - private, added by a launch. Kept as runs, so that a guest
// of any size takes little memory. Addresses and lengths are in bytes, in whole pages. Header only.
#pragma once

#include <cstdint>

#include "util/align.h"
#include "util/interval_map.h"

namespace vmm::model {

class PageSet {
  public:
    void add(uint64_t gpa, uint64_t bytes = kPageSize) { set(gpa, bytes, true); }
    void remove(uint64_t gpa, uint64_t bytes = kPageSize) { set(gpa, bytes, false); }
    void clear() { pages_ = IntervalMap<bool>(false); }
    bool contains(uint64_t gpa) const { return pages_.at(gpa); }
    bool empty() const { return pages_.runs() == 1 && !pages_.at(0); }
    uint64_t count() const {
        uint64_t bytes = 0;
        pages_.visit(0, ~uint64_t{0}, [&](uint64_t first, uint64_t last, bool in) {
            if (in) bytes += last - first + 1;
            return true;
        });
        return bytes / kPageSize;
    }
    // How many of these bytes, from the first on, are all in the set, or all out of it.
    uint64_t run(uint64_t gpa, uint64_t bytes, bool in) const {
        uint64_t length = 0;
        pages_.visit(gpa, gpa + bytes - 1, [&](uint64_t first, uint64_t last, bool is) {
            if (is != in) return false;
            length += last - first + 1;
            return true;
        });
        return length;
    }
    friend bool operator==(const PageSet&, const PageSet&) = default;

  private:
    void set(uint64_t gpa, uint64_t bytes, bool in) {
        if (bytes != 0) pages_.set(gpa, gpa + bytes - 1, in);
    }
    IntervalMap<bool> pages_{false};
};

}  // namespace vmm::model
