// The 6300ESB's watchdog as its driver uses it.
#include "hw/timer/i6300esb.h"

#include <gtest/gtest.h>

#include "tests/unit/hw/misc/device_on_bus.h"

namespace vmm {
namespace {

constexpr uint32_t kBar = 0xe0000000;
constexpr int64_t kMs = 1'000'000;

class Esb : public ::testing::Test, protected DeviceOnBus {
  protected:
    void SetUp() override {
        types.add(device_type<I6300esb>());
        ASSERT_EQ(add({{"driver", "i6300esb"}, {"addr", "4"}}), "");
        place(kBar);
    }
    void unlock() {
        store(kBar + I6300esb::kReload, 0x80, 2);
        store(kBar + I6300esb::kReload, 0x86, 2);
    }
    void preload(unsigned which, uint32_t ticks) {
        unlock();
        store(kBar + which, ticks, 4);
    }
    void feed() {
        unlock();
        store(kBar + I6300esb::kReload, I6300esb::kReloadBit, 2);
    }
    void lock_register(uint8_t value) { configure(I6300esb::kLockRegister, value, 1); }
    // A slow tick is 2^15 PCI clocks: 0.993 ms.
    void ticks(int64_t count) { env.clock.advance(count * kMs); }
};

TEST_F(Esb, barksAfterBothStages) {
    EXPECT_EQ(config(0, 4), 0x25ab8086u);
    preload(I6300esb::kPreload1, 1000);
    preload(I6300esb::kPreload2, 500);
    lock_register(I6300esb::kEnable);
    ticks(1480);
    EXPECT_EQ(env.asked.watchdogs, 0u);
    ticks(20);
    EXPECT_EQ(env.asked.watchdogs, 1u);
    ticks(5000);
    EXPECT_EQ(env.asked.watchdogs, 1u);
    EXPECT_EQ(load(kBar + I6300esb::kReload, 2), I6300esb::kTimeoutBit);
    unlock();
    store(kBar + I6300esb::kReload, I6300esb::kTimeoutBit, 2);
    EXPECT_EQ(load(kBar + I6300esb::kReload, 2), 0u);
}

TEST_F(Esb, aFedDogIsQuiet) {
    preload(I6300esb::kPreload1, 1000);
    preload(I6300esb::kPreload2, 1);
    lock_register(I6300esb::kEnable);
    for (int i = 0; i < 20; ++i) {
        ticks(900);
        feed();
    }
    EXPECT_EQ(env.asked.watchdogs, 0u);
    ticks(1100);
    EXPECT_EQ(env.asked.watchdogs, 1u);
}

TEST_F(Esb, withoutTheSequenceNothingIsTaken) {
    store(kBar + I6300esb::kPreload1, 10, 4);
    store(kBar + I6300esb::kReload, 0x86, 2);
    store(kBar + I6300esb::kPreload2, 10, 4);
    lock_register(I6300esb::kEnable);
    ticks(100'000);
    EXPECT_EQ(env.asked.watchdogs, 0u);
}

TEST_F(Esb, theFastClockIsAThousandTimesFaster) {
    configure(I6300esb::kConfigRegister, I6300esb::kFastClock, 2);
    preload(I6300esb::kPreload1, 1000);
    preload(I6300esb::kPreload2, 1000);
    lock_register(I6300esb::kEnable);
    env.clock.advance(2 * kMs);
    EXPECT_EQ(env.asked.watchdogs, 1u);
}

TEST_F(Esb, theNoRebootBitIsObeyed) {
    configure(I6300esb::kConfigRegister, I6300esb::kNoReboot, 2);
    preload(I6300esb::kPreload1, 10);
    preload(I6300esb::kPreload2, 10);
    lock_register(I6300esb::kEnable);
    ticks(100);
    EXPECT_EQ(env.asked.watchdogs, 0u);
}

TEST_F(Esb, freeRunningItBarksAgain) {
    preload(I6300esb::kPreload1, 100);
    preload(I6300esb::kPreload2, 100);
    lock_register(I6300esb::kEnable | I6300esb::kFreeRun);
    ticks(1000);
    EXPECT_EQ(env.asked.watchdogs, 5u);
}

TEST_F(Esb, onceLockedItCannotBeSwitchedOff) {
    preload(I6300esb::kPreload1, 100);
    preload(I6300esb::kPreload2, 100);
    lock_register(I6300esb::kEnable | I6300esb::kLocked);
    lock_register(0);
    EXPECT_EQ(config(I6300esb::kLockRegister, 1), I6300esb::kEnable | I6300esb::kLocked);
    ticks(200);
    EXPECT_EQ(env.asked.watchdogs, 1u);
    resets.reset();
    EXPECT_EQ(config(I6300esb::kLockRegister, 1), 0u);
    lock_register(I6300esb::kEnable);
    lock_register(0);
    ticks(1'000'000);
    EXPECT_EQ(env.asked.watchdogs, 1u);
}

}  // namespace
}  // namespace vmm
