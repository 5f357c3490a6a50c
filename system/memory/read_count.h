// ReadCount: which bytes of guest memory devices read, and how often, in debug builds (a release build counts
// nothing and asks nothing). A test attaches one to an address space to see that a request's bytes were
// fetched once; what is polled by design (a ring's index) is another matter. Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "system/memory/address.h"
#include "util/mutex.h"

namespace vmm {

#ifdef NDEBUG
inline constexpr bool kCountsReads = false;
#else
inline constexpr bool kCountsReads = true;
#endif

class ReadCount {
  public:
    void note(Gpa address, uint64_t size);
    void clear();
    // The most often that any byte of the range was read.
    unsigned most(GpaRange range) const;

  private:
    struct Read {
        uint64_t first, end;
    };
    mutable Mutex mutex_{LockRank::Leaf, "reads of guest memory"};
    std::vector<Read> reads_ GUARDED_BY(mutex_);
};

// What an address space has of it: nothing in a release build.
class ReadCounter {
  public:
    void count_into(ReadCount* count) {
        if constexpr (kCountsReads) count_.store(count, std::memory_order_release);
    }
    void note(Gpa address, uint64_t size) const {
        if constexpr (kCountsReads) {
            if (ReadCount* count = count_.load(std::memory_order_acquire)) count->note(address, size);
        }
    }

  private:
    std::atomic<ReadCount*> count_{nullptr};
};

}  // namespace vmm
