// Ranked mutexes; see mutex.h.
#include "util/mutex.h"

#include <linux/futex.h>
#include <sys/syscall.h>

#include <climits>

#include "util/check.h"
#include "util/raw_syscall.h"

namespace vmm {

namespace {

// Both return early for reasons of their own (a signal, a value that moved): callers look again.
void sleep_while(std::atomic<uint32_t>& word, uint32_t value) {
    static_assert(sizeof(word) == sizeof(uint32_t) && std::atomic<uint32_t>::is_always_lock_free);
    raw_syscall(SYS_futex, reinterpret_cast<uint64_t>(&word), FUTEX_WAIT_PRIVATE, value);
}

void wake(std::atomic<uint32_t>& word, int most) {
    raw_syscall(SYS_futex, reinterpret_cast<uint64_t>(&word), FUTEX_WAKE_PRIVATE,
                static_cast<uint64_t>(most));
}

}  // namespace

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

// Who gets it here takes it as wanted: others may sleep still, and only its giving back wakes the next.
void Mutex::acquire_wanted() {
    while (word_.exchange(kWanted, std::memory_order_acquire) != kFree)
        sleep_while(word_, kWanted);
}

void Mutex::wake_one() {
    wake(word_, 1);
}

// The rank stays noted while the thread waits: it takes nothing meanwhile.
void Condition::wait(Mutex& mutex) {
    const uint32_t turn = turn_.load(std::memory_order_relaxed);
    waiting_.fetch_add(1, std::memory_order_relaxed);
    mutex.release();
    sleep_while(turn_, turn);
    mutex.acquire();
    waiting_.fetch_sub(1, std::memory_order_relaxed);
}

// Whoever waits for the change counted itself in before the mutex was free for it, so it is seen here.
void Condition::notify(int most) {
    if (waiting_.load(std::memory_order_relaxed) == 0) return;
    turn_.fetch_add(1, std::memory_order_relaxed);
    wake(turn_, most);
}

void Condition::notify_all() {
    notify(INT_MAX);
}

}  // namespace vmm
