// How often bytes were read; see read_count.h. Counted when somebody asks: a sweep over where reads begin and
// end.
#include "system/memory/read_count.h"

#include <algorithm>
#include <utility>

namespace vmm {

void ReadCount::note(Gpa address, uint64_t size) {
    if (size == 0) return;
    Locked lock(mutex_);
    reads_.push_back({address.raw(), address.raw() + size});
}

void ReadCount::clear() {
    Locked lock(mutex_);
    reads_.clear();
}

unsigned ReadCount::most(GpaRange range) const {
    const uint64_t first = range.first().raw(), last = range.last().raw();
    std::vector<std::pair<uint64_t, int>> edges;  // at one place, ends come before beginnings
    {
        Locked lock(mutex_);
        for (const Read& read : reads_) {
            if (read.end <= first || read.first > last) continue;
            edges.emplace_back(std::max(read.first, first), 1);
            edges.emplace_back(std::min(read.end - 1, last) + 1, -1);
        }
    }
    std::sort(edges.begin(), edges.end());
    int now = 0, most = 0;
    for (const auto& [at, step] : edges)
        most = std::max(most, now += step);
    return static_cast<unsigned>(most);
}

}  // namespace vmm
