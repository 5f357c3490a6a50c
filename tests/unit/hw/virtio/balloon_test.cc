// Balloon: pages go back to the host, free memory too unless it must keep a pattern, statistics are asked for
// and understood, huge pages go when all of them was given.
#include "hw/virtio/balloon.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include "tests/unit/hw/virtio/pci_driver.h"

namespace vmm::virtio {
namespace {

constexpr uint64_t kStats = bit(1), kPagePoison = bit(4), kReporting = bit(5);

struct BalloonWorld : VirtioMachine {
    explicit BalloonWorld(std::initializer_list<std::pair<const char*, const char*>> more = {}) {
        qapi::Dict all;
        all.set("driver", qapi::Value(std::string("virtio-balloon-pci")));
        all.set("id", qapi::Value(std::string("b")));
        for (const auto& [name, value] : more)
            all.set(name, qapi::Value(std::string(value)));
        EXPECT_EQ(add(all), "");
    }
    Balloon& balloon() { return static_cast<Balloon&>(static_cast<PciTransport&>(function("b")).device()); }
    // A page of the guest that holds something.
    bool kept(uint64_t page) { return memory.get<uint8_t>(page * 4096 + 5) == 0x77; }
    void fill(uint64_t first, uint64_t count) {
        for (uint64_t page = first; page < first + count; ++page)
            memory.put<uint8_t>(page * 4096 + 5, 0x77);
    }
};

template <typename... Numbers>
std::vector<uint8_t> pages(Numbers... numbers) {
    std::vector<uint8_t> bytes;
    for (const uint32_t number : {static_cast<uint32_t>(numbers)...}) {
        const Le32 field(number);
        bytes.insert(bytes.end(), bytes_of(field).begin(), bytes_of(field).end());
    }
    return bytes;
}

TEST(Balloon, showsItself) {
    BalloonWorld w;
    PciDriver d(w, "b");
    EXPECT_EQ(d.function().config_read(0, 4), 0x10021af4u);
    EXPECT_EQ(d.features() & 0xff, kStats | kPagePoison);
    EXPECT_EQ(d.get(common::kNumQueues, 2), 3u);
    unsigned cap = d.function().config_read(pci::kCapabilities, 1);
    for (; cap != 0; cap = d.function().config_read(cap + 1, 1))
        EXPECT_NE(d.function().config_read(cap, 1), pci::kCapMsix);
}

TEST(Balloon, pagesGoBack) {
    BalloonWorld w;
    PciDriver d(w, "b");
    d.start(0, 3);
    w.fill(0x800, 8);
    ASSERT_TRUE(d.run(0, {d.with(pages(0x800, 0x801, 0x803, 0x806))}));
    for (uint64_t i = 0; i < 8; ++i)
        EXPECT_EQ(w.kept(0x800 + i), i == 2 || i == 4 || i == 5 || i == 7) << i;
    ASSERT_TRUE(d.run(1, {d.with(pages(0x802, 0x804))}));
    EXPECT_TRUE(w.kept(0x802));
}

TEST(Balloon, whatIsNoRamIsLeftOut) {
    BalloonWorld w;
    PciDriver d(w, "b");
    d.start(0, 3);
    w.fill(0x800, 1);
    ASSERT_TRUE(d.run(0, {d.with(pages(0xffffffff, 0x1000, 0x800))}));
    EXPECT_FALSE(w.kept(0x800));
    EXPECT_EQ(d.get(common::kStatus, 1) & kNeedsReset, 0u);
}

TEST(Balloon, theTargetIsToldAndTheGuestAnswers) {
    BalloonWorld w;
    PciDriver d(w, "b");
    d.start(0, 3);
    w.balloon().set_target(3 * kMiB);
    EXPECT_EQ(d.get(kIsrAt, 1), 3u);
    EXPECT_EQ(d.config(0, 4), 768u);
    d.put(kDeviceAt + 4, 700, 4);
    EXPECT_EQ(d.config(4, 4), 700u);
    EXPECT_EQ(w.balloon().given_back(), 700u * 4096);
    d.put(kDeviceAt + 0, 1, 4);
    EXPECT_EQ(d.config(0, 4), 768u);
    d.put(common::kStatus, 0, 1);
    EXPECT_EQ(w.balloon().given_back(), 0u);
}

TEST(Balloon, freeMemoryGoesBackUnlessItHoldsAPattern) {
    BalloonWorld w({{"free-page-reporting", "on"}});
    PciDriver d(w, "b");
    d.start(kReporting | kPagePoison, 4);
    w.fill(0x800, 16);
    ASSERT_TRUE(d.run(3, {{0x801000, 0x3000, true}, {0x805800, 0x2000, true}}));
    for (uint64_t i = 0; i < 8; ++i)
        EXPECT_EQ(w.kept(0x800 + i), i != 1 && i != 2 && i != 3 && i != 6) << i;
    d.put(kDeviceAt + 12, 0xaaaaaaaa, 4);
    ASSERT_TRUE(d.run(3, {{0x808000, 0x3000, true}}));
    EXPECT_TRUE(w.kept(0x808));
}

TEST(Balloon, statisticsAreAskedFor) {
    BalloonWorld w;
    PciDriver d(w, "b");
    w.balloon().set_polling(2);
    d.start(kStats, 3);
    std::vector<uint8_t> first(20);
    store_le<uint16_t>(first.data(), 4);
    store_le<uint64_t>(first.data() + 2, 0x123456789a);
    store_le<uint16_t>(first.data() + 10, 99);
    EXPECT_FALSE(d.run(2, {d.with(first)}));
    EXPECT_EQ(w.balloon().stats().value[4], 0x123456789aull);
    EXPECT_EQ(w.balloon().stats().value[5], ~uint64_t{0});
    w.env.clock.advance(1'999'999'999);
    d.settle();
    EXPECT_FALSE(d.ring(2).take_used());
    w.env.clock.advance(1);
    d.settle();
    EXPECT_TRUE(d.ring(2).take_used());
    w.env.clock.advance(10'000'000'000);
    d.settle();
    store_le<uint64_t>(first.data() + 2, 7);
    EXPECT_FALSE(d.run(2, {d.with(first)}));
    EXPECT_EQ(w.balloon().stats().value[4], 7u);
    d.put(common::kStatus, 0, 1);
    d.settle();
    EXPECT_EQ(d.get(common::kStatus, 1), 0u);
}

TEST(Balloon, hintsAreRefused) {
    BalloonWorld w;
    qapi::Dict all;
    all.set("driver", qapi::Value(std::string("virtio-balloon-pci")));
    all.set("free-page-hint", qapi::Value(std::string("on")));
    EXPECT_NE(w.add(all).find("no migration"), std::string::npos);
}

TEST(BalloonPages, aHugePageGoesWhenAllOfItWasGiven) {
    DriverSpace small;
    RamBlock::Config config;
    config.id = "huge";
    config.mapping =
        MappedRegion::map(4 * kMiB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS).take_value();
    config.page_size = 2 * kMiB;
    RamBlock block(std::move(config));
    MemoryRegion region = MemoryRegion::ram("huge", block);
    small.topology.add(small.root, region, 0x10000000);
    BalloonPages balloon(small.space, nullptr, false);
    block.data()[5] = block.data()[2 * kMiB + 5] = 1;
    for (uint64_t page = 0; page < 512; ++page) {
        EXPECT_EQ(block.data()[5], 1);
        ASSERT_TRUE(balloon.give(Gpa(0x10000000 + (page ^ 1) * 4096)));
        ASSERT_TRUE(balloon.give(Gpa(0x10000000 + (page ^ 1) * 4096)));
        balloon.flush();
    }
    EXPECT_EQ(block.data()[5], 0);
    EXPECT_EQ(block.data()[2 * kMiB + 5], 1);
    small.topology.remove(region);
}

TEST(BalloonPages, pinnedMemoryStays) {
    DriverSpace small;
    BalloonPages balloon(small.space, nullptr, true);
    small.block->data()[0x3000] = 7;
    ASSERT_TRUE(balloon.give(Gpa(0x3000)));
    balloon.flush();
    EXPECT_EQ(small.block->data()[0x3000], 7);
}

}  // namespace
}  // namespace vmm::virtio
