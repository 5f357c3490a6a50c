// Ranked mutexes; see mutex.h. Each thread keeps the ranks it holds in a small stack.
#include "util/mutex.h"

#include <array>
#include <cstddef>

#include "util/check.h"

namespace vmm {

namespace {

struct Held {
    LockRank rank;
    const char* name;
};
constexpr size_t kMostHeld = 16;
struct HeldStack {
    std::array<Held, kMostHeld> entries;
    size_t count = 0;
};
thread_local HeldStack held;

// The stack is in falling order of rank, so its top is the only one to compare with.
void note_lock(LockRank rank, const char* name) {
    if (held.count > 0) {
        const Held& top = held.entries[held.count - 1];
        CHECK(rank < top.rank, "lock '%s' (rank %d) taken while '%s' (rank %d) is held", name,
              static_cast<int>(rank), top.name, static_cast<int>(top.rank));
        CHECK(held.count < kMostHeld, "lock '%s': more than %zu locks held", name, kMostHeld);
    }
    held.entries[held.count++] = {rank, name};
}

void note_unlock(LockRank rank, const char* name) {
    size_t at = held.count;
    while (at > 0 && (held.entries[at - 1].rank != rank || held.entries[at - 1].name != name))
        --at;
    CHECK(at > 0, "lock '%s' given back but not held", name);
    for (; at < held.count; ++at)
        held.entries[at - 1] = held.entries[at];
    --held.count;
}

}  // namespace

void check_no_locks_held(const char* why) {
    CHECK(held.count == 0, "%s while '%s' is held", why, held.entries[0].name);
}

void Mutex::lock() {
    note_lock(rank_, name_);
    mutex_.lock();
}

void Mutex::unlock() {
    mutex_.unlock();
    note_unlock(rank_, name_);
}

void Condition::wait(Mutex& mutex) {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    condition_.wait(lock);
    lock.release();
}

}  // namespace vmm
