// HandleStats: a drive's counters. count() and take_time() are called on the loop's thread alone; read() from
// any thread sees each number whole, though not all of one moment.
#pragma once

#include <atomic>

#include "backends/block/handle.h"

namespace vmm::block {

class HandleStats {
  public:
    // All but the time that it took.
    void count(const DiskRequest& request) {
        Counters& counters = of(request.asked_op);
        const unsigned guests = request.stands_for;
        if (request.result < 0) {
            add(counters.failed, guests);
        } else {
            add(counters.operations, guests);
            if (guests > 1) add(counters.merged, guests - 1);
            add(counters.bytes, request.asked_op == Op::Flush ? 0 : request.bytes);
            uint64_t end = request.asked_offset + request.bytes;
            if ((request.asked_op == Op::Write || request.asked_op == Op::WriteZeroes) &&
                end > highest_.load(std::memory_order_relaxed))
                highest_.store(end, std::memory_order_relaxed);
        }
        counters.untimed += guests;
        counters.untimed_starts += request.started_ns * guests;
    }
    // Of all that were counted since the last time.
    void take_time(uint64_t now_ns) {
        for (Counters& counters : counters_) {
            if (counters.untimed == 0) continue;
            add(counters.total_ns, counters.untimed * now_ns - counters.untimed_starts);
            counters.untimed = counters.untimed_starts = 0;
        }
        last_ns_.store(static_cast<int64_t>(now_ns), std::memory_order_relaxed);
    }
    // Any thread.
    void count_invalid(Op op) { of(op).invalid.fetch_add(1, std::memory_order_relaxed); }

    DiskStats read() const {
        DiskStats stats;
        copy(counters_[0], stats.read);
        copy(counters_[1], stats.write);
        copy(counters_[2], stats.flush);
        copy(counters_[3], stats.unmap);
        stats.idle_since_ns = last_ns_.load(std::memory_order_relaxed);
        stats.highest_offset = highest_.load(std::memory_order_relaxed);
        return stats;
    }

  private:
    using Counter = std::atomic<uint64_t>;
    struct Counters {
        Counter bytes{0}, operations{0}, failed{0}, invalid{0}, merged{0}, total_ns{0};
        uint64_t untimed = 0, untimed_starts = 0;  // requests, and the sum of when they started
    };
    // One writer: a plain addition, seen whole by readers.
    static void add(Counter& counter, uint64_t more) {
        counter.store(counter.load(std::memory_order_relaxed) + more, std::memory_order_relaxed);
    }
    static void copy(const Counters& from, OpStats& to) {
        to.bytes = from.bytes.load(std::memory_order_relaxed);
        to.operations = from.operations.load(std::memory_order_relaxed);
        to.failed = from.failed.load(std::memory_order_relaxed);
        to.invalid = from.invalid.load(std::memory_order_relaxed);
        to.merged = from.merged.load(std::memory_order_relaxed);
        to.total_ns = from.total_ns.load(std::memory_order_relaxed);
    }
    Counters& of(Op op) {
        switch (op) {
            case Op::Read:
                return counters_[0];
            case Op::Write:
            case Op::WriteZeroes:
                return counters_[1];
            case Op::Flush:
                return counters_[2];
            case Op::Discard:
                return counters_[3];
        }
        __builtin_unreachable();
    }

    Counters counters_[4];
    std::atomic<int64_t> last_ns_{0};
    Counter highest_{0};
};

}  // namespace vmm::block
