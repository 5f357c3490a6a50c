// The I/O APIC: registers, edges, levels, remote IRR, routes.
#include "hw/intc/ioapic.h"

#include <gtest/gtest.h>

#include <map>

#include "tests/fakes/fake_irq_line.h"

namespace vmm {
namespace {

struct FakeRoutes final : GsiRoutes {
    void set_msi(unsigned gsi, const MsiMessage& message) override { table[gsi] = message; }
    void clear(unsigned gsi) override { table.erase(gsi); }
    void commit() override { ++commits; }
    std::optional<unsigned> allocate() override { return std::nullopt; }
    void release(unsigned) override {}
    std::map<unsigned, MsiMessage> table;
    unsigned commits = 0;
};

class IoApicTest : public testing::Test {
  protected:
    uint32_t get(uint32_t index) {
        apic_.write(0x00, index, 4);
        return static_cast<uint32_t>(apic_.read(0x10, 4));
    }
    void set(uint32_t index, uint32_t value) {
        apic_.write(0x00, index, 4);
        apic_.write(0x10, value, 4);
    }
    void entry(unsigned pin, uint64_t value) {
        set(0x11 + 2 * pin, static_cast<uint32_t>(value >> 32));
        set(0x10 + 2 * pin, static_cast<uint32_t>(value));
    }
    FakeMsiSink msi_;
    FakeRoutes routes_;
    IoApic apic_{msi_, &routes_};
};

constexpr uint64_t kLevel = 1 << 15, kMask = 1 << 16, kRemoteIrr = 1 << 14, kLogical = 1 << 11;

TEST_F(IoApicTest, versionAndReset) {
    EXPECT_EQ(get(1), 0x00170020u);
    for (unsigned pin = 0; pin < 24; ++pin) {
        EXPECT_EQ(get(0x10 + 2 * pin), kMask);
        EXPECT_EQ(get(0x11 + 2 * pin), 0u);
    }
    EXPECT_EQ(get(0x40), 0u);
    set(0, 0xff000000);
    EXPECT_EQ(get(0), 0x0f000000u);
}

TEST_F(IoApicTest, edgeIsOneMessage) {
    entry(4, 0x0300000000000034ull | kLogical);
    apic_.set_pin(4, true);
    apic_.set_pin(4, true);
    ASSERT_EQ(msi_.sent.size(), 1u);
    EXPECT_EQ(msi_.sent[0].address, 0xfee03004u);
    EXPECT_EQ(msi_.sent[0].data, 0x34u);
    apic_.set_pin(4, false);
    apic_.set_pin(4, true);
    EXPECT_EQ(msi_.sent.size(), 2u);
}

TEST_F(IoApicTest, maskedEdgeWaits) {
    apic_.set_pin(4, true);
    apic_.set_pin(4, false);
    EXPECT_TRUE(msi_.sent.empty());
    entry(4, 0x34);
    EXPECT_EQ(msi_.sent.size(), 1u);
}

TEST_F(IoApicTest, levelIsSentAgainAfterEoiWhileItLasts) {
    entry(16, 0x41 | kLevel);
    apic_.set_pin(16, true);
    EXPECT_EQ(msi_.sent.size(), 1u);
    EXPECT_EQ(msi_.sent[0].data, 0xc041u);
    EXPECT_EQ(get(0x10 + 32), 0x41 | kLevel | kRemoteIrr);
    apic_.set_pin(16, false);
    apic_.set_pin(16, true);
    EXPECT_EQ(msi_.sent.size(), 1u);
    apic_.end_of_interrupt(0x42);
    EXPECT_EQ(msi_.sent.size(), 1u);
    apic_.end_of_interrupt(0x41);
    EXPECT_EQ(msi_.sent.size(), 2u);
    apic_.set_pin(16, false);
    apic_.end_of_interrupt(0x41);
    EXPECT_EQ(msi_.sent.size(), 2u);
    EXPECT_EQ(get(0x10 + 32), 0x41 | kLevel);
}

TEST_F(IoApicTest, eoiRegisterEndsToo) {
    entry(16, 0x41 | kLevel);
    apic_.set_pin(16, true);
    apic_.set_pin(16, false);
    apic_.write(0x40, 0x41, 4);
    EXPECT_EQ(get(0x10 + 32), 0x41 | kLevel);
}

TEST_F(IoApicTest, turningToEdgeAndBackEndsALevel) {
    entry(16, 0x41 | kLevel);
    apic_.set_pin(16, true);
    entry(16, 0x41 | kMask);
    EXPECT_EQ(get(0x10 + 32), 0x41 | kMask);
    entry(16, 0x41 | kLevel);
    EXPECT_EQ(msi_.sent.size(), 2u);
}

TEST_F(IoApicTest, readOnlyBitsStay) {
    entry(3, 0x50 | kRemoteIrr | (1 << 12));
    EXPECT_EQ(get(0x10 + 6), 0x50u);
}

TEST_F(IoApicTest, routesFollowUnmaskedEntries) {
    entry(2, 0x0100000000000030ull);
    ASSERT_TRUE(routes_.table.contains(2));
    EXPECT_EQ(routes_.table[2], (MsiMessage{0xfee01000, 0x30}));
    EXPECT_EQ(routes_.table.size(), 1u);
    unsigned commits = routes_.commits;
    entry(2, 0x0100000000000030ull);
    EXPECT_EQ(routes_.commits, commits);  // nothing changed
    set(0x10 + 4, 0x30 | kMask);
    EXPECT_TRUE(routes_.table.empty());
    entry(5, 0x35 | (7 << 8));  // ExtINT is not a message
    EXPECT_TRUE(routes_.table.empty());
}

// As Linux serves a level-triggered interrupt in a thread: the kernel tells no end of a vector without a
// route.
TEST_F(IoApicTest, levelKeepsItsRouteWhileItIsMasked) {
    entry(9, 0x41 | kLevel | kMask);
    EXPECT_TRUE(routes_.table.empty());  // nothing was ever sent
    entry(9, 0x41 | kLevel);
    apic_.set_pin(9, true);
    set(0x10 + 18, 0x41 | kLevel | kMask);
    EXPECT_TRUE(routes_.table.contains(9));
    apic_.end_of_interrupt(0x41);
    EXPECT_EQ(msi_.sent.size(), 1u);
    set(0x10 + 18, 0x41 | kLevel);
    EXPECT_EQ(msi_.sent.size(), 2u);  // it lasted
    set(0x10 + 18, kMask);            // given up
    EXPECT_TRUE(routes_.table.empty());
}

TEST_F(IoApicTest, resetMasksAllButKeepsLevels) {
    entry(16, 0x41 | kLevel);
    entry(4, 0x34);
    apic_.set_pin(16, true);
    apic_.reset_hold();
    EXPECT_EQ(get(0x10 + 32), kMask);
    EXPECT_TRUE(routes_.table.empty());
    entry(16, 0x42 | kLevel);
    EXPECT_EQ(msi_.sent.back().data & 0xff, 0x42u);
}

}  // namespace
}  // namespace vmm
