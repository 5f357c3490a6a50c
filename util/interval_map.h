// IntervalMap: a plain map of ranges, for models. Every number of the 64-bit space has a value, in few runs.
// Neighbours of one value are one run, always. Header only; not thread-safe.
#pragma once

#include <cstdint>
#include <iterator>
#include <map>
#include <utility>

namespace vmm {

template <typename Value>
class IntervalMap {
  public:
    explicit IntervalMap(Value everywhere) { starts_.emplace(0, std::move(everywhere)); }

    const Value& at(uint64_t key) const { return run_of(key)->second; }

    // Both ends inclusive.
    void set(uint64_t first, uint64_t last, Value value) {
        if (last != ~uint64_t{0}) {
            const Value& after = at(last + 1);
            starts_.insert_or_assign(last + 1, Value(after));
        }
        auto from = starts_.lower_bound(first);
        auto to = last == ~uint64_t{0} ? starts_.end() : starts_.find(last + 1);
        auto next = starts_.erase(from, to);
        auto put = starts_.emplace_hint(next, first, std::move(value));
        if (next != starts_.end() && next->second == put->second) starts_.erase(next);
        if (put != starts_.begin() && std::prev(put)->second == put->second) starts_.erase(put);
    }

    // Calls visit(first, last, value) for each run, clipped to the range, in order, until visit returns
    // false. True when all were visited.
    template <typename Visit>
    bool visit(uint64_t first, uint64_t last, Visit visit) const {
        for (auto run = run_of(first); run != starts_.end() && run->first <= last; ++run) {
            auto next = std::next(run);
            uint64_t run_last = next == starts_.end() ? ~uint64_t{0} : next->first - 1;
            if (!visit(run->first < first ? first : run->first, run_last > last ? last : run_last,
                       run->second))
                return false;
        }
        return true;
    }

    size_t runs() const { return starts_.size(); }
    friend bool operator==(const IntervalMap&, const IntervalMap&) = default;

  private:
    auto run_of(uint64_t key) const { return std::prev(starts_.upper_bound(key)); }
    std::map<uint64_t, Value> starts_;  // a run ends where the next starts
};

}  // namespace vmm
