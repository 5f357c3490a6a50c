// RangeLock: ranges of guest-physical addresses that one thread at a time works on. Overlapping ranges wait
// in the order they came; disjoint ones run in parallel. A holder holds no mutex, so it may make system calls
// and call listeners; it must not lock a second range.
#pragma once

#include <cstdint>
#include <vector>

#include "system/memory/address.h"
#include "util/mutex.h"

namespace vmm {

class RangeLock {
  public:
    class [[nodiscard]] Held {
      public:
        Held(RangeLock& lock, GpaRange range) : lock_(lock), ticket_(lock.acquire(range)) {}
        ~Held() { lock_.release(ticket_); }
        Held(const Held&) = delete;
        Held& operator=(const Held&) = delete;

      private:
        RangeLock& lock_;
        const uint64_t ticket_;
    };

    // For holders whose stay is not a scope: the ticket is what release() takes.
    [[gnu::always_inline]] uint64_t acquire(GpaRange range) {
        {
            LockedBriefly lock(mutex_);
            if (alone_.ticket == kNobody && entries_.empty()) [[likely]] {
                alone_ = {++last_ticket_, range};
                return alone_.ticket;
            }
        }
        return acquire_in_line(range);
    }
    void release(uint64_t ticket) {
        release(ticket, [] {});
    }
    // Calls `also` with the mutex held: what would else take a lock of its own. It takes none.
    template <typename Also>
    void release(uint64_t ticket, Also also) {
        {
            LockedBriefly lock(mutex_);
            also();
            if (alone_.ticket == ticket) [[likely]] {
                alone_.ticket = kNobody;
                return;
            }
        }
        leave(ticket);
    }
    Mutex& mutex() { return mutex_; }

  private:
    static constexpr uint64_t kNobody = 0;
    struct Entry {
        uint64_t ticket = kNobody;
        GpaRange range = GpaRange::of(Gpa(0), 1);
    };
    bool first_in_line(const Entry& entry) const REQUIRES(mutex_);
    uint64_t acquire_in_line(GpaRange range);
    void leave(uint64_t ticket);

    Mutex mutex_{LockRank::Conversion, "conversion ranges"};
    Condition released_;
    // The one holder where nobody waits and nobody else holds; else all are in entries_.
    Entry alone_ GUARDED_BY(mutex_);
    std::vector<Entry> entries_ GUARDED_BY(mutex_);  // holders and waiters, in order of arrival
    unsigned waiting_ GUARDED_BY(mutex_) = 0;
    uint64_t last_ticket_ GUARDED_BY(mutex_) = kNobody;
};

}  // namespace vmm
