// HandleStats: a drive's counters. count() is called on the loop's thread alone; read() from any thread sees
// each number whole, though not all of one moment.
#pragma once

#include <atomic>

#include "backends/block/handle.h"

namespace vmm::block {

class HandleStats {
  public:
    void count(const DiskRequest& request, uint64_t now_ns) {
        Counters& counters = of(request.asked_op);
        uint64_t took = now_ns - request.started_ns;
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
        add(counters.total_ns, took * guests);
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
