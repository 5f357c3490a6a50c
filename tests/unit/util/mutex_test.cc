// Lock ranks: falling order is allowed, anything else aborts with both names. Exclusion and waiting between
// threads.
#include "util/mutex.h"

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <thread>
#include <vector>

namespace vmm {
namespace {

TEST(Mutex, FallingRanksNest) {
    Mutex device(LockRank::Device, "device");
    Mutex irq(LockRank::Irq, "irq");
    int entered = 0;
    for (int i = 0; i < 2; ++i) {
        Locked outer(device);
        Locked inner(irq);
        ++entered;
    }
    EXPECT_EQ(entered, 2);
}

TEST(MutexDeathTest, OutOfOrderReleaseKeepsTheOthers) {
    Mutex bus(LockRank::Bus, "bus-a");
    Mutex device(LockRank::Device, "device-a");
    Mutex irq(LockRank::Irq, "irq-a");
    bus.lock();
    device.lock();
    irq.lock();
    device.unlock();
    EXPECT_DEATH(device.lock(), "device-a.*irq-a");
    irq.unlock();
    device.lock();
    device.unlock();
    EXPECT_DEATH(check_no_locks_held("pause"), "pause while 'bus-a' is held");
    bus.unlock();
    check_no_locks_held("pause");
}

TEST(MutexDeathTest, RisingRankAborts) {
    Mutex device(LockRank::Device, "device-a");
    Mutex irq(LockRank::Irq, "irq-b");
    Locked outer(irq);
    EXPECT_DEATH(device.lock(), "lock 'device-a' .rank 50. taken while 'irq-b' .rank 20. is held");
}

TEST(MutexDeathTest, EqualRankAborts) {
    Mutex a(LockRank::Device, "device-a");
    Mutex b(LockRank::Device, "device-b");
    Locked outer(a);
    EXPECT_DEATH(b.lock(), "device-b.*device-a");
}

TEST(MutexDeathTest, RisingRankAbortsForABriefLockToo) {
    Mutex device(LockRank::Device, "device-a");
    Mutex irq(LockRank::Irq, "irq-b");
    {
        Locked outer(device);
        LockedBriefly inner(irq);
    }
    Locked outer(irq);
    EXPECT_DEATH(LockedBriefly inner(device),
                 "lock 'device-a' .rank 50. taken while 'irq-b' .rank 20. is held");
}

TEST(MutexDeathTest, WaitingWithALockAborts) {
    Mutex a(LockRank::Device, "device-a");
    Locked outer(a);
    EXPECT_DEATH(check_no_locks_held("pause"), "pause while 'device-a' is held");
}

constexpr int kThreads = 4;

void in_threads(const std::function<void(int)>& work) {
    std::vector<std::thread> threads;
    for (int i = 0; i < kThreads; ++i)
        threads.emplace_back(work, i);
    for (std::thread& thread : threads)
        thread.join();
}

// Sleeping in the middle makes the others wait in the kernel, on any number of processors.
TEST(Mutex, ExcludesOtherThreads) {
    constexpr int kRounds = 5000;
    Mutex mutex(LockRank::Leaf, "count");
    int count = 0, inside = 0;
    in_threads([&](int) {
        for (int i = 0; i < kRounds; ++i) {
            Locked held(mutex);
            ASSERT_EQ(++inside, 1);
            if (i % 64 == 0) std::this_thread::sleep_for(std::chrono::microseconds(20));
            ++count;
            --inside;
        }
    });
    EXPECT_EQ(count, kThreads * kRounds);
}

TEST(Mutex, BriefLocksAndOthersExcludeEachOther) {
    constexpr int kRounds = 20000;
    Mutex mutex(LockRank::Leaf, "count");
    int count = 0;
    in_threads([&](int) {
        for (int i = 0; i < kRounds; ++i) {
            if (i % 2 == 0) {
                LockedBriefly held(mutex);
                ++count;
            } else {
                Locked held(mutex);
                ++count;
            }
        }
    });
    EXPECT_EQ(count, kThreads * kRounds);
}

// Each hands the turn to the next: a wake-up that is lost hangs the test.
TEST(Condition, PassesATurnAround) {
    constexpr int kRounds = 2000;
    Mutex mutex(LockRank::Leaf, "turn");
    Condition moved;
    int turn = 0;
    in_threads([&](int me) {
        for (int i = 0; i < kRounds; ++i) {
            Locked held(mutex);
            while (turn % kThreads != me)
                moved.wait(mutex);
            ++turn;
            moved.notify_all();
        }
    });
    EXPECT_EQ(turn, kThreads * kRounds);
}

// As many items as notifications, given without the mutex: each wakes somebody who finds it.
TEST(Condition, EachNotificationWakesOne) {
    constexpr int kItems = 20000;
    Mutex mutex(LockRank::Leaf, "items");
    Condition there;
    int items = 0, taken = 0;
    std::thread maker([&] {
        for (int i = 0; i < kItems; ++i) {
            {
                Locked held(mutex);
                ++items;
            }
            there.notify_one();
        }
    });
    in_threads([&](int) {
        for (int i = 0; i < kItems / kThreads; ++i) {
            Locked held(mutex);
            while (items == 0)
                there.wait(mutex);
            --items;
            ++taken;
        }
    });
    maker.join();
    EXPECT_EQ(taken, kItems);
    EXPECT_EQ(items, 0);
}

TEST(Condition, HoldsTheMutexAfterWaiting) {
    Mutex mutex(LockRank::Leaf, "flag");
    Condition changed;
    bool flag = false;
    std::thread other([&] {
        Locked held(mutex);
        flag = true;
        changed.notify_one();
    });
    {
        Locked held(mutex);
        while (!flag)
            changed.wait(mutex);
        EXPECT_FALSE(HeldLocks::mine().none());
    }
    EXPECT_TRUE(HeldLocks::mine().none());
    other.join();
}

}  // namespace
}  // namespace vmm
