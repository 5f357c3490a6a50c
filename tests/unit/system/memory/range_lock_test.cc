// The lock on address ranges: who overlaps waits its turn, who does not goes on.
#include "system/memory/range_lock.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <random>
#include <thread>
#include <vector>

namespace vmm {
namespace {

GpaRange pages(uint64_t first, uint64_t count) {
    return GpaRange::of(Gpa(first * 4096), count * 4096);
}

TEST(RangeLock, disjointRangesAreHeldTogether) {
    RangeLock lock;
    const uint64_t a = lock.acquire(pages(0, 4));
    const uint64_t b = lock.acquire(pages(4, 4));
    const uint64_t c = lock.acquire(pages(8, 1));
    lock.release(b);
    const uint64_t d = lock.acquire(pages(5, 2));
    for (uint64_t ticket : {a, c, d})
        lock.release(ticket);
    RangeLock::Held all(lock, pages(0, 1000));
}

TEST(RangeLock, overlappingRangesTakeTurns) {
    RangeLock lock;
    std::vector<int> order;
    const uint64_t first = lock.acquire(pages(0, 10));
    std::vector<std::thread> others;
    std::atomic<int> started{0};
    for (int i = 0; i < 3; ++i) {
        others.emplace_back([&, i] {
            ++started;
            RangeLock::Held held(lock, pages(5, 10));
            order.push_back(i);  // one at a time
        });
        while (started.load() != i + 1)
            std::this_thread::yield();
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    EXPECT_TRUE(order.empty());
    lock.release(first);
    for (std::thread& other : others)
        other.join();
    std::sort(order.begin(), order.end());
    EXPECT_EQ(order, (std::vector<int>{0, 1, 2}));
}

// Each page is counted by its holders: never two at once, whatever mixture of lone and crowded moments.
TEST(RangeLock, noPageHasTwoHolders) {
    constexpr unsigned kPages = 16, kThreads = 4, kRounds = 20000;
    RangeLock lock;
    std::vector<std::atomic<int>> holders(kPages);
    std::atomic<bool> shared{false};
    uint64_t noted = 0;  // with the lock's mutex held
    std::vector<std::thread> threads;
    for (unsigned t = 0; t < kThreads; ++t) {
        threads.emplace_back([&, t] {
            std::mt19937 random(t);
            for (unsigned i = 0; i < kRounds; ++i) {
                const auto first = static_cast<unsigned>(random() % kPages);
                const auto count = static_cast<unsigned>(1 + random() % (kPages - first));
                const uint64_t ticket = lock.acquire(pages(first, count));
                for (unsigned p = first; p < first + count; ++p)
                    if (++holders[p] != 1) shared = true;
                if (i % 32 == 0) std::this_thread::yield();
                for (unsigned p = first; p < first + count; ++p)
                    --holders[p];
                lock.release(ticket, [&] { ++noted; });
            }
        });
    }
    for (std::thread& thread : threads)
        thread.join();
    EXPECT_FALSE(shared.load());
    EXPECT_EQ(noted, uint64_t{kThreads} * kRounds);
}

TEST(RangeLockDeathTest, whoHoldsNothingCannotRelease) {
    RangeLock lock;
    const uint64_t ticket = lock.acquire(pages(0, 1));
    lock.release(ticket);
    EXPECT_DEATH(lock.release(ticket), "ticket unknown");
}

}  // namespace
}  // namespace vmm
