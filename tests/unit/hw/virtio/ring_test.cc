// Both ring formats against a driver of our own: what goes in comes out, in order, whatever the wrap-arounds,
// the completion order and the way buffers are described; interrupts come when asked for and not otherwise.
#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <random>

#include "hw/virtio/packed_ring.h"
#include "hw/virtio/split_ring.h"
#include "tests/fakes/reads_once.h"
#include "tests/fakes/virtio_driver.h"

namespace vmm::virtio {
namespace {

struct Case {
    const char* name;
    uint16_t size;
    uint64_t features;
};

class RingTest : public testing::TestWithParam<Case> {
  protected:
    std::unique_ptr<Ring> make(const RingPlace& place) {
        const uint64_t features = GetParam().features;
        if ((features & kRingPacked) != 0) return std::make_unique<PackedRing>(memory.space, place, features);
        return std::make_unique<SplitRing>(memory.space, place, features);
    }
    DriverSpace memory;
};

struct Given {
    uint64_t token;
    std::vector<DriverBuffer> buffers;
};

std::vector<DriverBuffer> random_buffers(std::mt19937& random, size_t most) {
    std::vector<DriverBuffer> buffers(1 + random() % most);
    const size_t readable = random() % (buffers.size() + 1);
    for (size_t i = 0; i < buffers.size(); ++i)
        buffers[i] = {0x800000 + random() % 0x100000, static_cast<uint32_t>(1 + random() % 5000),
                      i >= readable};
    return buffers;
}

void expect_same(const Chain& chain, const std::vector<DriverBuffer>& buffers) {
    ASSERT_EQ(chain.readable().size() + chain.writable().size(), buffers.size());
    for (size_t i = 0; i < buffers.size(); ++i) {
        const bool readable = i < chain.readable().size();
        const Segment segment =
            readable ? chain.readable()[i] : chain.writable()[i - chain.readable().size()];
        EXPECT_EQ(segment.address.raw(), buffers[i].address);
        EXPECT_EQ(segment.size, buffers[i].size);
        EXPECT_EQ(!readable, buffers[i].writable);
    }
}

TEST_P(RingTest, randomBuffersComeThroughInAnyCompletionOrder) {
    std::mt19937 random(7);
    const uint64_t base = memory.next;
    auto driver = RingDriver::create(memory, GetParam().size, GetParam().features);
    const uint64_t after_rings = memory.next;
    ASSERT_LT(base, after_rings);
    auto ring = make(driver->place);
    std::deque<Given> available;
    struct Held {
        std::unique_ptr<Chain> chain;
        Given given;
        uint32_t written;
    };
    std::vector<Held> held;
    std::map<uint64_t, uint32_t> published;
    uint64_t seen = 0;
    for (unsigned step = 0; step < 30000; ++step) {
        switch (random() % 4) {
            case 0: {
                const bool indirect = (GetParam().features & kIndirect) != 0 && random() % 3 == 0;
                memory.next = std::max(after_rings, memory.next > 0x700000 ? after_rings : memory.next);
                Given given{0, random_buffers(random, indirect ? 20 : std::min<size_t>(4, GetParam().size))};
                const std::optional<uint64_t> token = driver->add(given.buffers, indirect);
                if (!token) break;
                given.token = *token;
                available.push_back(std::move(given));
                break;
            }
            case 1: {
                auto chain = std::make_unique<Chain>();
                const Ring::Pop got = ring->pop(*chain);
                ASSERT_NE(got, Ring::Pop::Broken) << ring->error();
                ASSERT_EQ(got == Ring::Pop::Got, !available.empty());
                if (got == Ring::Pop::Empty) break;
                expect_same(*chain, available.front().buffers);
                if (random() % 8 == 0) {
                    ring->unpop(*chain);
                    break;
                }
                held.push_back({std::move(chain), std::move(available.front()), 0});
                available.pop_front();
                break;
            }
            case 2: {
                if (held.empty()) {
                    ASSERT_TRUE(ring->publish().has_value());
                    break;
                }
                const size_t which = random() % held.size();
                held[which].written = static_cast<uint32_t>(random() % 3 == 0 ? 0 : random());
                ASSERT_TRUE(ring->push(*held[which].chain, held[which].written));
                published[held[which].given.token] = held[which].written;
                held.erase(held.begin() + static_cast<std::ptrdiff_t>(which));
                if (random() % 2 == 0) break;
                ASSERT_TRUE(ring->publish().has_value());
                break;
            }
            default: {
                const std::optional<UsedBuffer> used = driver->take_used();
                if (!used) break;
                ++seen;
                const auto entry = published.find(used->token);
                ASSERT_NE(entry, published.end()) << "token " << used->token;
                EXPECT_EQ(used->written, entry->second);
                published.erase(entry);
                break;
            }
        }
    }
    EXPECT_GT(seen, 5u * GetParam().size);
}

// One buffer at a time with an interrupt asked for after a random number of them.
TEST_P(RingTest, interruptsComeWhenTheDriverAsked) {
    std::mt19937 random(11);
    auto driver = RingDriver::create(memory, GetParam().size, GetParam().features);
    auto ring = make(driver->place);
    const bool event = (GetParam().features & kEventIdx) != 0;
    const DriverBuffer buffer{0x800000, 100, true};
    bool first = true;
    for (unsigned round = 0; round < 4000; ++round) {
        const auto batch = static_cast<uint16_t>(1 + random() % GetParam().size);
        for (unsigned i = 0; i < batch; ++i)
            ASSERT_TRUE(driver->add({&buffer, 1}, false));
        bool expected;
        if (event) {
            const auto after = static_cast<uint16_t>(1 + random() % (GetParam().size - 1u + 1u));
            driver->want_interrupt_after(after);
            expected = after <= batch || (first && (GetParam().features & kRingPacked) == 0);
        } else {
            expected = random() % 2 == 0;
            driver->want_interrupts(expected);
        }
        first = false;
        Chain chain;
        for (unsigned i = 0; i < batch; ++i) {
            ASSERT_EQ(ring->pop(chain), Ring::Pop::Got);
            ASSERT_TRUE(ring->push(chain, 1));
        }
        ASSERT_EQ(ring->publish(), std::optional<bool>(expected)) << "round " << round;
        ASSERT_EQ(ring->publish(), std::optional<bool>(false));
        for (unsigned i = 0; i < batch; ++i)
            ASSERT_TRUE(driver->take_used());
    }
}

TEST_P(RingTest, theDriverIsToldWhetherToNotify) {
    auto driver = RingDriver::create(memory, GetParam().size, GetParam().features);
    auto ring = make(driver->place);
    const DriverBuffer buffer{0x800000, 100, false};
    Chain chain;
    for (unsigned round = 0; round < 3u * GetParam().size; ++round) {
        ASSERT_TRUE(ring->set_notify(true));
        ASSERT_EQ(ring->available(), std::optional<bool>(false));
        ASSERT_TRUE(driver->add({&buffer, 1}, false));
        EXPECT_TRUE(driver->kick_wanted()) << round;
        ASSERT_TRUE(ring->set_notify(false));
        ASSERT_EQ(ring->available(), std::optional<bool>(true));
        ASSERT_EQ(ring->pop(chain), Ring::Pop::Got);
        ASSERT_TRUE(ring->push(chain, 0));
        if (driver->add({&buffer, 1}, false)) {
            EXPECT_FALSE(driver->kick_wanted()) << round;
            ASSERT_EQ(ring->pop(chain), Ring::Pop::Got);
            ASSERT_TRUE(ring->push(chain, 0));
        }
        ASSERT_TRUE(ring->publish().has_value());
        while (driver->take_used()) {
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Formats, RingTest,
                         testing::Values(Case{"split", 64, kVersion1}, Case{"splitSmall", 2, kVersion1},
                                         Case{"splitIndirect", 128, kVersion1 | kIndirect},
                                         Case{"splitEvent", 16, kVersion1 | kIndirect | kEventIdx},
                                         Case{"splitLarge", 1024, kVersion1 | kEventIdx},
                                         Case{"packed", 64, kVersion1 | kRingPacked},
                                         Case{"packedOdd", 7, kVersion1 | kRingPacked | kIndirect},
                                         Case{"packedEvent", 16,
                                              kVersion1 | kRingPacked | kIndirect | kEventIdx},
                                         Case{"packedOddEvent", 13, kVersion1 | kRingPacked | kEventIdx}),
                         [](const auto& instance) { return std::string(instance.param.name); });

// What a chain is made of is fetched once: descriptors, wherever they are, and its entry in the ring.
TEST_P(RingTest, aChainsDescriptorsAreReadOnce) {
    const uint64_t features = GetParam().features;
    auto driver = RingDriver::create(memory, GetParam().size, features);
    auto ring = make(driver->place);
    const size_t most = std::min<size_t>(4, GetParam().size);
    for (const bool indirect : {false, true}) {
        if (indirect && (features & kIndirect) == 0) continue;
        std::vector<DriverBuffer> buffers;
        for (size_t i = 0; i < (indirect ? 20 : most); ++i)
            buffers.push_back({0x800000 + 0x1000 * i, 100, i > 2});
        const uint64_t table = align_up(memory.next, 16);
        ASSERT_TRUE(driver->add(buffers, indirect));
        ReadsOnce reads(memory.space);
        Chain chain;
        ASSERT_EQ(ring->pop(chain), Ring::Pop::Got);
        expect_same(chain, buffers);
        reads.expect(driver->place.descriptors, 16u * GetParam().size, "the descriptors");
        EXPECT_TRUE(reads.saw(driver->place.descriptors, 16u * GetParam().size));
        if ((features & kRingPacked) == 0)
            reads.expect(driver->place.driver + 4, 2u * GetParam().size, "the available ring");
        if (indirect) {
            reads.expect(table, 16 * buffers.size(), "the indirect table");
            EXPECT_TRUE(reads.saw(table, 16 * buffers.size()));
        }
        ASSERT_TRUE(ring->push(chain, 0));
        ASSERT_TRUE(ring->publish().has_value());
        ASSERT_TRUE(driver->take_used());
    }
}

TEST(SplitRing, anInterruptComesWhenAllBuffersAreUsedIfThatWasAgreed) {
    DriverSpace memory;
    SplitDriver driver(memory, 8, 0);
    SplitRing ring(memory.space, driver.place, kNotifyOnEmpty);
    driver.want_interrupts(false);
    const DriverBuffer buffer{0x800000, 100, true};
    Chain first, second;
    ASSERT_TRUE(driver.add({&buffer, 1}, false) && driver.add({&buffer, 1}, false));
    ASSERT_EQ(ring.pop(first), Ring::Pop::Got);
    ASSERT_EQ(ring.pop(second), Ring::Pop::Got);
    ASSERT_TRUE(ring.push(first, 0));
    EXPECT_EQ(ring.publish(), std::optional<bool>(false));
    ASSERT_TRUE(ring.push(second, 0));
    EXPECT_EQ(ring.publish(), std::optional<bool>(true));
}

TEST(SplitRing, readsTheRingAtItsNewPlaceWhenTheMapChanges) {
    DriverSpace memory;
    SplitDriver driver(memory, 8, 0);
    SplitRing ring(memory.space, driver.place, 0);
    const DriverBuffer buffer{0x800000, 100, true};
    Chain chain;
    ASSERT_TRUE(driver.add({&buffer, 1}, false));
    ASSERT_EQ(ring.pop(chain), Ring::Pop::Got);
    memory.topology.remove(memory.ram);
    EXPECT_EQ(ring.pop(chain), Ring::Pop::Broken);
    EXPECT_NE(ring.error().find("shared RAM"), std::string::npos);
    memory.topology.add(memory.root, memory.ram, 0);
    ASSERT_TRUE(driver.add({&buffer, 1}, false));
    EXPECT_EQ(ring.pop(chain), Ring::Pop::Got);
}

}  // namespace
}  // namespace vmm::virtio
