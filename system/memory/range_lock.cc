// Locks on address ranges; see range_lock.h.
#include "system/memory/range_lock.h"

#include "util/check.h"

namespace vmm {

bool RangeLock::first_in_line(const Entry& entry) const {
    for (const Entry& other : entries_) {
        if (other.ticket == entry.ticket) return true;
        if (other.range.overlaps(entry.range)) return false;
    }
    UNREACHABLE();
}

uint64_t RangeLock::acquire(GpaRange range) {
    Locked lock(mutex_);
    const Entry entry{next_ticket_++, range};
    entries_.push_back(entry);
    while (!first_in_line(entry))
        released_.wait(mutex_);
    return entry.ticket;
}

void RangeLock::release(uint64_t ticket) {
    Locked lock(mutex_);
    size_t gone = entries_.remove_if([&](const Entry& e) { return e.ticket == ticket; });
    CHECK(gone == 1, "range lock: ticket unknown");
    released_.notify_all();
}

}  // namespace vmm
