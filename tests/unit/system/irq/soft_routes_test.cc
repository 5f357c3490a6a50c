// Interrupt routes, irqfds and ioeventfds without a kernel, and the tap on a chip's pins.
#include "system/irq/soft_routes.h"

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "system/irq/tap.h"
#include "util/fd.h"

namespace vmm {
namespace {

struct Sink final : MsiSink {
    void send(const MsiMessage& message) override { got.push_back(message); }
    std::vector<MsiMessage> got;
};

Fd event() {
    return Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
}
uint64_t count(const Fd& fd) {
    uint64_t n = 0;
    return ::read(fd.get(), &n, sizeof n) == static_cast<ssize_t>(sizeof n) ? n : 0;
}
void signal(const Fd& fd) {
    const uint64_t one = 1;
    ASSERT_EQ(::write(fd.get(), &one, sizeof one), static_cast<ssize_t>(sizeof one));
}

TEST(SoftRoutes, Gsis_areHandedOutAboveThePinsAndTakenBack) {
    SoftGsiRoutes routes;
    EXPECT_EQ(routes.allocate(), kIoApicPins);
    EXPECT_EQ(routes.allocate(), kIoApicPins + 1);
    routes.set_msi(kIoApicPins, {0xfee00000, 5});
    routes.release(kIoApicPins);
    EXPECT_FALSE(routes.find(kIoApicPins));
    EXPECT_EQ(routes.allocate(), kIoApicPins);
    for (unsigned i = kIoApicPins + 2; i < 4096; ++i)
        ASSERT_EQ(routes.allocate(), i);
    EXPECT_EQ(routes.allocate(), std::nullopt);
}

TEST(SoftRoutes, Descriptor_sendsTheMessageOfItsGsi) {
    EventLoop loop;
    SoftGsiRoutes routes;
    Sink sink;
    SoftIrqFds fds(loop, routes, sink);
    const Fd first = event(), second = event();
    routes.set_msi(30, {0x1000, 7});
    ASSERT_TRUE(fds.attach(30, first.get()));
    ASSERT_TRUE(fds.attach(31, second.get()));
    EXPECT_FALSE(fds.attach(30, first.get()));
    signal(first);
    signal(second);
    while (loop.iterate(false)) {
    }
    ASSERT_EQ(sink.got.size(), 1u);
    EXPECT_EQ(sink.got[0], (MsiMessage{0x1000, 7}));
    fds.detach(30, first.get());
    signal(first);
    while (loop.iterate(false)) {
    }
    EXPECT_EQ(sink.got.size(), 1u);
}

TEST(SoftIoEvents, Write_signalsWhatMatchesSizeAndValue) {
    SoftIoEvents events;
    const Fd any = event(), word = event();
    ASSERT_TRUE(events.attach({.address = 0x100, .size = 0}, any.get()));
    ASSERT_TRUE(events.attach({.port = true, .address = 0x100, .size = 2, .value = 3}, word.get()));
    EXPECT_FALSE(events.attach({.address = 0x100, .size = 0}, word.get()));
    EXPECT_TRUE(events.signal(false, 0x100, 9, 4));
    EXPECT_FALSE(events.signal(false, 0x101, 9, 1));
    EXPECT_FALSE(events.signal(true, 0x100, 3, 4));
    EXPECT_FALSE(events.signal(true, 0x100, 4, 2));
    EXPECT_TRUE(events.signal(true, 0x100, 3, 2));
    EXPECT_EQ(count(any), 1u);
    EXPECT_EQ(count(word), 1u);
    events.detach({.address = 0x100, .size = 0}, any.get());
    EXPECT_FALSE(events.signal(false, 0x100, 9, 4));
}

struct Chip final : IrqInput {
    void set_pin(unsigned pin, bool level) override { seen.emplace_back(pin, level); }
    std::vector<std::pair<unsigned, bool>> seen;
};

TEST(IrqTap, Changes_areReportedAndEverythingPassesOn) {
    Chip chip;
    IrqTap tap(&chip, 4);
    std::vector<std::pair<unsigned, bool>> told;
    tap.set_pin(1, true);
    tap.watch([&](unsigned pin, bool level) { told.emplace_back(pin, level); });
    tap.set_pin(1, true);
    tap.set_pin(1, true);
    tap.set_pin(3, false);
    tap.set_pin(1, false);
    EXPECT_EQ(told, (std::vector<std::pair<unsigned, bool>>{{1, true}, {1, false}}));
    EXPECT_EQ(chip.seen.size(), 5u);
    tap.watch({});
    tap.set_pin(1, true);
    EXPECT_EQ(told.size(), 2u);
}

}  // namespace
}  // namespace vmm
