// The limit of conversions, with time of the test's own: what may come at once, how long others wait, that
// nobody pays for a storm that is over, and several processors at once.
#include "system/memory/conversion_limit.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace vmm {
namespace {

constexpr int64_t kMs = 1'000'000, kSecond = 1000 * kMs;
int64_t g_now;
int64_t now() {
    return g_now;
}

// Sleeping moves the time.
struct Limited {
    Limited() { g_now = 10 * kSecond; }
    std::vector<int64_t> waits;
    ConversionLimit limit{now, [this](int64_t ns) {
                              waits.push_back(ns);
                              g_now += ns;
                          }};
};

TEST(ConversionLimit, WithoutOneNobodyWaits) {
    Limited w;
    for (int i = 0; i < 100000; ++i)
        w.limit.pass();
    EXPECT_TRUE(w.waits.empty());
    EXPECT_EQ(w.limit.delayed(), 0u);
}

TEST(ConversionLimit, ATenthOfASecondAtOnceThenTheRate) {
    Limited w;
    unsigned told = 0;
    w.limit.set_watcher([&told] { ++told; });
    w.limit.set_rate(1000);
    for (int i = 0; i < 101; ++i)
        w.limit.pass();
    EXPECT_TRUE(w.waits.empty()) << "100 ms of 1000 a second, and the one that is due";
    const int64_t before = g_now;
    for (int i = 0; i < 500; ++i)
        w.limit.pass();
    EXPECT_EQ(g_now - before, 500 * kMs);
    EXPECT_EQ(w.limit.delayed(), 500u);
    EXPECT_EQ(w.limit.delay_ns(), static_cast<uint64_t>(500 * kMs));
    EXPECT_EQ(told, 500u);
}

TEST(ConversionLimit, WhoKeepsToItNeverWaits) {
    Limited w;
    w.limit.set_rate(100);
    for (int i = 0; i < 1000; ++i) {
        w.limit.pass();
        g_now += 10 * kMs;
    }
    EXPECT_TRUE(w.waits.empty());
}

TEST(ConversionLimit, NoWaitIsLongAndNoneIsPaidLater) {
    Limited w;
    w.limit.set_rate(1);
    for (int i = 0; i < 1000; ++i)
        w.limit.pass();
    for (int64_t wait : w.waits)
        ASSERT_LE(wait, ConversionLimit::kMostWait);
    g_now += kSecond + ConversionLimit::kMostWait;
    const size_t waited = w.waits.size();
    w.limit.pass();
    EXPECT_EQ(w.waits.size(), waited) << "the storm is over";
}

TEST(ConversionLimit, CanBeTakenAwayAndGivenAgain) {
    Limited w;
    w.limit.set_rate(1);
    for (int i = 0; i < 10; ++i)
        w.limit.pass();
    EXPECT_FALSE(w.waits.empty());
    w.waits.clear();
    w.limit.set_rate(0);
    w.limit.pass();
    EXPECT_TRUE(w.waits.empty());
    w.limit.set_rate(1000);
    w.limit.pass();
    EXPECT_TRUE(w.waits.empty()) << "a new limit begins with nothing due";
}

// No turn is given twice: with N processors the sum of turns is what one would have had.
TEST(ConversionLimit, ProcessorsShareIt) {
    constexpr unsigned kThreads = 4, kEach = 5000;
    g_now = 10 * kSecond;
    std::atomic<uint64_t> slept = 0;
    ConversionLimit limit(now, [&slept](int64_t) { ++slept; });
    limit.set_rate(ConversionLimit::kMostRate);  // 100 ns: 20000 of them fit into what may wait
    std::vector<std::thread> threads;
    for (unsigned t = 0; t < kThreads; ++t)
        threads.emplace_back([&limit] {
            for (unsigned i = 0; i < kEach; ++i)
                limit.pass();
        });
    for (std::thread& thread : threads)
        thread.join();
    EXPECT_EQ(limit.delayed(), slept);
    EXPECT_EQ(slept, 0u) << "a tenth of a second's worth is a million";
    limit.set_rate(1000);
    threads.clear();
    for (unsigned t = 0; t < kThreads; ++t)
        threads.emplace_back([&limit] {
            for (unsigned i = 0; i < 50; ++i)
                limit.pass();
        });
    for (std::thread& thread : threads)
        thread.join();
    EXPECT_EQ(limit.delayed(), 200u - 101u);
}

}  // namespace
}  // namespace vmm
