// What a guest can make a device do in one go has an end, and a device's DMA enters no device.
#include <gtest/gtest.h>

#include <atomic>

#include "hw/virtio/queue.h"
#include "hw/virtio/split_ring.h"
#include "system/memory/region_ops.h"
#include "tests/fakes/virtio_driver.h"

namespace vmm::virtio {
namespace {

constexpr uint16_t kSize = 8;

// A driver that makes a buffer available each time the device gives one back: the queue is never empty.
struct Restless final : QueueOwner {
    explicit Restless(DriverSpace& space) : memory(space), driver(space, kSize, kVersion1) {}
    void queue_kicked(Queue& queue) override {
        ++turns;
        served_in_turn = 0;
        serve(queue, [&] {
            Chain chain;
            if (!queue.pop(chain)) return Served::None;
            ++served;
            ++served_in_turn;
            if (served < limit) {
                EXPECT_TRUE(driver.take_used() || served < kSize);
                offer();
            }
            queue.complete(chain, 0);
            return Served::One;
        });
        most_in_turn = std::max(most_in_turn, served_in_turn);
    }
    void queue_interrupt(Queue&) override {}
    void queue_broken(Queue&, const std::string& why) override { FAIL() << why; }
    void queue_drained(Queue&) override {}
    void offer() {
        const DriverBuffer buffer{0x800000, 16, true};
        ASSERT_TRUE(driver.add({&buffer, 1}, false));
    }

    DriverSpace& memory;
    SplitDriver driver;
    unsigned turns = 0, served = 0, served_in_turn = 0, most_in_turn = 0, limit = 0;
};

TEST(Budgets, aQueueThatIsNeverEmptyLeavesTheLoopToOthers) {
    DriverSpace memory;
    EventLoop loop;
    Restless owner(memory);
    auto queue = Queue::create(owner, memory.space, loop, 0, kSize).take_value();
    queue->place = owner.driver.place;
    ASSERT_EQ(queue->start(kVersion1), "");
    queue->bind(loop);
    owner.limit = 10 * kSize;
    for (unsigned i = 0; i < kSize / 2; ++i)
        owner.offer();
    unsigned others = 0;
    queue->kick();
    while (owner.served < owner.limit) {
        const unsigned before = owner.served;
        loop.post([&] { ++others; });
        (void)loop.iterate(false);
        ASSERT_LE(owner.served - before, 2u * kSize) << "one turn of the loop";
        ASSERT_LT(others, 1000u);
    }
    EXPECT_EQ(owner.most_in_turn, 2u * kSize);
    EXPECT_GE(owner.turns, 5u);
    EXPECT_GE(others, owner.turns - 1) << "others had their turns in between";
    queue->stop();
}

// Registers at the address that a guest gives as a ring, a table or a buffer: nobody may come in that way
// while a device is on the stack.
TEST(Budgets, dmaEntersNoDevice) {
    DriverSpace memory;
    std::atomic<unsigned> entered{0};
    struct Registers final : IoOps {
        explicit Registers(std::atomic<unsigned>& count) : entered(count) {}
        uint64_t read(uint64_t, unsigned) override { return ++entered; }
        void write(uint64_t, uint64_t, unsigned) override { ++entered; }
        std::atomic<unsigned>& entered;
    } ops(entered);
    MemoryRegion device = MemoryRegion::io("registers", 0x1000, ops);
    constexpr uint64_t kAt = 0xf0000000;
    memory.topology.add(memory.root, device, kAt);
    DmaSpace dma(memory.space);
    DmaLookup lookup(memory.space);
    std::array<uint8_t, 16> bytes{};
    EXPECT_FALSE(dma.read(Gpa(kAt), bytes));
    EXPECT_FALSE(dma.write(Gpa(kAt), bytes));
    EXPECT_FALSE(lookup.read(Gpa(kAt), bytes));
    EXPECT_FALSE(lookup.write(Gpa(kAt), bytes));
    EXPECT_EQ(lookup.direct(Gpa(kAt), 16, DmaLookup::Direction::FromGuest).host, nullptr);
    for (int where = 0; where < 3; ++where) {
        SplitDriver driver(memory, kSize, kVersion1 | kIndirect);
        RingPlace place = driver.place;
        (where == 0 ? place.descriptors : where == 1 ? place.driver : place.device) = kAt;
        SplitRing ring(memory.space, place, kVersion1 | kIndirect);
        const DriverBuffer buffer{0x800000, 16, true};
        ASSERT_TRUE(driver.add({&buffer, 1}, false));
        Chain chain;
        EXPECT_TRUE(ring.pop(chain) != Ring::Pop::Got || !ring.push(chain, 0)) << where;
        EXPECT_FALSE(ring.error().empty()) << where;
    }
    SplitDriver driver(memory, kSize, kVersion1 | kIndirect);
    SplitRing ring(memory.space, driver.place, kVersion1 | kIndirect);
    driver.describe(0, kAt, 32, kDescIndirect, 0);
    memory.put<uint16_t>(driver.place.driver + 4, 0);
    memory.put<uint16_t>(driver.place.driver + 2, 1);
    Chain chain;
    EXPECT_EQ(ring.pop(chain), Ring::Pop::Broken);
    EXPECT_EQ(entered, 0u);
    memory.topology.remove(device);
}

}  // namespace
}  // namespace vmm::virtio
