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

void note_lock(LockRank rank, const char* name) {
    for (size_t i = 0; i < held.count; ++i) {
        CHECK(rank < held.entries[i].rank, "lock '%s' (rank %d) taken while '%s' (rank %d) is held", name,
              static_cast<int>(rank), held.entries[i].name, static_cast<int>(held.entries[i].rank));
    }
    CHECK(held.count < kMostHeld, "lock '%s': more than %zu locks held", name, kMostHeld);
    held.entries[held.count++] = {rank, name};
}

void note_unlock(LockRank rank, const char* name) {
    for (size_t i = held.count; i-- > 0;) {
        if (held.entries[i].rank != rank || held.entries[i].name != name) continue;
        held.entries[i] = held.entries[--held.count];
        return;
    }
    CHECK(false, "lock '%s' given back but not held", name);
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
