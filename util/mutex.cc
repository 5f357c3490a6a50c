// Ranked mutexes; see mutex.h.
#include "util/mutex.h"

#include "util/check.h"

namespace vmm {

constinit thread_local HeldLocks HeldLocks::of_this_thread_;

void HeldLocks::refuse(LockRank rank, const char* name) const {
    const Held& last = entries_[count_ - 1];
    CHECK(rank < last.rank, "lock '%s' (rank %d) taken while '%s' (rank %d) is held", name,
          static_cast<int>(rank), last.name, static_cast<int>(last.rank));
    CHECK(count_ < kMost, "lock '%s': more than %zu locks held", name, kMost);
    UNREACHABLE();
}

// Given back out of order: the others stay.
void HeldLocks::give_back_below(LockRank rank, const char* name) {
    size_t at = count_;
    while (at > 0 && (entries_[at - 1].rank != rank || entries_[at - 1].name != name))
        --at;
    CHECK(at > 0, "lock '%s' given back but not held", name);
    for (; at < count_; ++at)
        entries_[at - 1] = entries_[at];
    --count_;
}

void refuse_held_locks(const char* why) {
    CHECK(false, "%s while '%s' is held", why, HeldLocks::mine().first_name());
    UNREACHABLE();
}

void Condition::wait(Mutex& mutex) {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    condition_.wait(lock);
    lock.release();
}

}  // namespace vmm
