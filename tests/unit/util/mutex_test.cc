// Lock ranks: falling order is allowed, anything else aborts with both names.
#include "util/mutex.h"

#include <gtest/gtest.h>

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

TEST(MutexDeathTest, WaitingWithALockAborts) {
    Mutex a(LockRank::Device, "device-a");
    Locked outer(a);
    EXPECT_DEATH(check_no_locks_held("pause"), "pause while 'device-a' is held");
}

}  // namespace
}  // namespace vmm
