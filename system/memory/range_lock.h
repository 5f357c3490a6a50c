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
    [[gnu::hot]] uint64_t acquire(GpaRange range) {
        Locked lock(mutex_);
        const Entry entry{next_ticket_++, range};
        entries_.push_back(entry);
        if (entries_.size() != 1) wait_in_line(entry);
        return entry.ticket;
    }
    void release(uint64_t ticket) {
        release(ticket, [] {});
    }
    // Calls `also` with the mutex held: what would else take a lock of its own.
    template <typename Also>
    void release(uint64_t ticket, Also also) {
        Locked lock(mutex_);
        if (entries_.size() == 1 && entries_[0].ticket == ticket)
            entries_.clear();
        else
            leave(ticket);
        also();
    }
    Mutex& mutex() { return mutex_; }

  private:
    struct Entry {
        uint64_t ticket;
        GpaRange range;
    };
    bool first_in_line(const Entry& entry) const REQUIRES(mutex_);
    void wait_in_line(const Entry& entry) REQUIRES(mutex_);
    void leave(uint64_t ticket) REQUIRES(mutex_);

    Mutex mutex_{LockRank::Conversion, "conversion ranges"};
    Condition released_;
    std::vector<Entry> entries_ GUARDED_BY(mutex_);  // holders and waiters, in order of arrival
    unsigned waiting_ GUARDED_BY(mutex_) = 0;
    uint64_t next_ticket_ GUARDED_BY(mutex_) = 0;
};

}  // namespace vmm
