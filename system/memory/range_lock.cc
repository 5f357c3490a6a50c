// Locks on address ranges; see range_lock.h.
#include "system/memory/range_lock.h"

#include <utility>

#include "util/check.h"

namespace vmm {

bool RangeLock::first_in_line(const Entry& entry) const {
    for (const Entry& other : entries_) {
        if (other.ticket == entry.ticket) return true;
        if (other.range.overlaps(entry.range)) return false;
    }
    UNREACHABLE();
}

uint64_t RangeLock::acquire_in_line(GpaRange range) {
    Locked lock(mutex_);
    if (alone_.ticket != kNobody) entries_.push_back(std::exchange(alone_, {}));
    const Entry entry{++last_ticket_, range};
    entries_.push_back(entry);
    while (!first_in_line(entry)) {
        ++waiting_;
        released_.wait(mutex_);
        --waiting_;
    }
    return entry.ticket;
}

void RangeLock::leave(uint64_t ticket) {
    Locked lock(mutex_);
    size_t gone = std::erase_if(entries_, [&](const Entry& e) { return e.ticket == ticket; });
    CHECK(gone == 1, "range lock: ticket unknown");
    if (waiting_ != 0) released_.notify_all();
}

}  // namespace vmm
