// Leaky buckets: rates hold over time, bursts last as long as they may, wrong limits are refused by name.
#include "backends/block/throttle.h"

#include <gtest/gtest.h>

namespace vmm::block {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

ThrottleConfig limit(ThrottleKind kind, uint64_t average, uint64_t burst = 0, uint64_t length = 1) {
    ThrottleConfig config;
    config.limits[static_cast<size_t>(kind)] = {average, burst, length};
    return config;
}

// Operations let through in [0, seconds) when there is always one more.
uint64_t run(ThrottleGroup& group, bool write, uint64_t bytes, double seconds) {
    uint64_t count = 0;
    int64_t now = 1;
    while (now < static_cast<int64_t>(seconds * kSecond)) {
        int64_t wait = group.admit(write, bytes, now);
        if (wait == 0)
            ++count;
        else
            now += wait;
    }
    return count;
}

TEST(Throttle, theAverageHolds) {
    ThrottleGroup ops("a", limit(ThrottleKind::OpsTotal, 100));
    EXPECT_NEAR(static_cast<double>(run(ops, false, 4096, 10)), 1000, 15);
    ThrottleGroup bytes("b", limit(ThrottleKind::BytesWrite, 1 << 20));
    EXPECT_NEAR(static_cast<double>(run(bytes, true, 65536, 10)), 160, 4);
    EXPECT_EQ(bytes.admit(false, 1 << 30, 10 * kSecond), 0) << "reads are free";
}

TEST(Throttle, aBurstLastsItsLength) {
    ThrottleGroup group("a", limit(ThrottleKind::OpsRead, 10, 1000, 2));
    uint64_t first = run(group, false, 512, 2);
    EXPECT_NEAR(static_cast<double>(first), 2000, 150);
    ThrottleGroup same("b", limit(ThrottleKind::OpsRead, 10, 1000, 2));
    EXPECT_NEAR(static_cast<double>(run(same, false, 512, 12)), 2000 + 120, 150);
}

TEST(Throttle, bigOperationsCountAsSeveral) {
    ThrottleConfig config = limit(ThrottleKind::OpsTotal, 100);
    config.op_size = 4096;
    ThrottleGroup group("a", config);
    EXPECT_NEAR(static_cast<double>(run(group, true, 16384, 10)), 250, 8);
}

TEST(Throttle, wrongLimitsAreRefused) {
    struct {
        ThrottleConfig config;
        const char* text;
    } cases[] = {
        {limit(ThrottleKind::OpsRead, 0, 10), "bps_max/iops_max require corresponding bps/iops values"},
        {limit(ThrottleKind::OpsRead, 20, 10), "bps_max/iops_max cannot be lower than bps/iops"},
        {limit(ThrottleKind::OpsRead, 20, 0, 2), "burst length set without burst rate"},
        {limit(ThrottleKind::OpsRead, 20, 30, 0), "the burst length cannot be 0"},
        {limit(ThrottleKind::OpsRead, 2'000'000'000'000'000),
         "bps/iops/max values must be within [0, 1000000000000000]"},
    };
    for (const auto& one : cases) {
        Status status = one.config.check();
        ASSERT_FALSE(status);
        EXPECT_EQ(status.error().text(), one.text);
    }
    ThrottleConfig both = limit(ThrottleKind::BytesTotal, 10);
    both.limits[static_cast<size_t>(ThrottleKind::BytesRead)].average = 5;
    EXPECT_EQ(both.check().error().text(),
              "bps-total and bps-read/bps-write cannot be used at the same time");
    ThrottleConfig size = limit(ThrottleKind::BytesTotal, 10);
    size.op_size = 512;
    EXPECT_EQ(size.check().error().text(), "iops size requires an iops value to be set");
    EXPECT_FALSE(ThrottleConfig().enabled());
    EXPECT_TRUE(limit(ThrottleKind::OpsRead, 1).check());
}

}  // namespace
}  // namespace vmm::block
