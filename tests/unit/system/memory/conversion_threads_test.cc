// Conversions by several threads: overlapping ranges take turns, disjoint ones do not wait for each other,
// and the memory map does not change under one.
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <random>
#include <thread>

#include "system/memory/dma_space.h"
#include "system/memory/region.h"
#include "system/memory/topology.h"
#include "tests/fakes/fake_memory_host.h"
#include "util/align.h"

namespace vmm {
namespace {

constexpr uint64_t kPage = kPageSize;
GpaRange pages(uint64_t first, uint64_t count) {
    return GpaRange::of(Gpa(first * kPage), count * kPage);
}

// Counts, a page each, who is between a conversion's first and last call; stops threads on request.
class WatchfulSink : public FakeAttributeSink {
  public:
    using FakeAttributeSink::FakeAttributeSink;
    Status set_visibility(GpaRange range, Visibility visibility) override {
        enter(range);
        {
            std::unique_lock lock(mutex_);
            ++arrived_;
            changed_.notify_all();
            changed_.wait(lock, [&] { return !(stop_at_ && range.contains(*stop_at_)); });
        }
        Status done = FakeAttributeSink::set_visibility(range, visibility);
        std::this_thread::yield();
        leave(range);
        return done;
    }
    void enter(GpaRange range) {
        for (uint64_t p = range.first().raw() / kPage; p <= range.last().raw() / kPage; ++p)
            if (inside_[p]++ != 0) ++overlaps;
    }
    void leave(GpaRange range) {
        for (uint64_t p = range.first().raw() / kPage; p <= range.last().raw() / kPage; ++p)
            --inside_[p];
    }
    void stop_at(std::optional<Gpa> address) {
        std::lock_guard lock(mutex_);
        stop_at_ = address;
        changed_.notify_all();
    }
    void wait_for_arrivals(int count) {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return arrived_ >= count; });
    }
    std::atomic<int> overlaps{0};

  private:
    std::array<std::atomic<int>, 256> inside_{};
    std::mutex mutex_;
    std::condition_variable changed_;
    std::optional<Gpa> stop_at_;
    int arrived_ = 0;
};

struct World {
    World() { topology.add(root, ram, 0); }
    std::unique_ptr<RamBlock> block = fake_private_ram("ram", 128 * kPage);
    Topology topology;
    MemoryRegion root = MemoryRegion::container("root", MemoryRegion::kWholeSpace);
    AddressSpace space{topology, root, "memory"};
    FailurePlan plan;
    WatchfulSink sink{plan};
    FakePageDropper dropper{plan};
    VmWideAttributes model{sink};
    ConversionEngine engine{
        space, sink, model, {.retry = {.attempts = 2, .pause_us = 0}, .dropper = &dropper}};
    MemoryRegion ram = MemoryRegion::ram("ram", *block);
};

TEST(ConversionThreads, overlappingRangesNeverInterleave) {
    World w;
    FakeDiscardListener listener(w.plan);
    ASSERT_TRUE(w.engine.add_discard_listener(listener));
    std::vector<std::thread> threads;
    std::atomic<int> bad{0};
    for (unsigned t = 0; t < 4; ++t) {
        threads.emplace_back([&, t] {
            std::mt19937 random(t);
            for (int i = 0; i < 2500; ++i) {
                uint64_t first = random() % 120, count = 1 + random() % 8;
                Visibility to = random() % 2 != 0 ? Visibility::Private : Visibility::Shared;
                if (w.engine.convert(pages(first, count), to).outcome != ConversionOutcome::Done) ++bad;
            }
        });
    }
    for (std::thread& thread : threads)
        thread.join();
    EXPECT_EQ(bad, 0);
    EXPECT_EQ(w.sink.overlaps, 0);
    EXPECT_EQ(listener.mistakes, 0u);
    for (uint64_t p = 0; p < 128; ++p) {
        Visibility now = w.block->visibility().at(RamOffset(p * kPage));
        EXPECT_EQ(now, w.sink.at(Gpa(p * kPage))) << "page " << p;
        EXPECT_EQ(listener.mapped(*w.block, RamOffset(p * kPage)), now == Visibility::Shared);
    }
    w.engine.remove_discard_listener(listener);
}

TEST(ConversionThreads, disjointRangesRunWhileOneIsHeldUpAndOverlappingOnesWait) {
    World w;
    w.sink.stop_at(Gpa(4 * kPage));
    std::thread held([&] { (void)w.engine.convert(pages(0, 8), Visibility::Private); });
    w.sink.wait_for_arrivals(1);
    EXPECT_EQ(w.engine.convert(pages(8, 8), Visibility::Private).outcome, ConversionOutcome::Done);
    std::atomic<bool> second_done{false};
    std::thread waiting([&] {
        (void)w.engine.convert(pages(7, 2), Visibility::Shared);
        second_done = true;
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    EXPECT_FALSE(second_done);
    w.sink.stop_at(std::nullopt);
    held.join();
    waiting.join();
    EXPECT_EQ(w.block->visibility().at(RamOffset(6 * kPage)), Visibility::Private);
    EXPECT_EQ(w.block->visibility().at(RamOffset(7 * kPage)), Visibility::Shared);
    EXPECT_EQ(w.block->visibility().at(RamOffset(8 * kPage)), Visibility::Shared);
    EXPECT_EQ(w.block->visibility().at(RamOffset(9 * kPage)), Visibility::Private);
}

TEST(ConversionThreads, mapChangesWaitForConversionsAndTheReverse) {
    World w;
    w.sink.stop_at(Gpa(4 * kPage));
    std::thread held([&] { (void)w.engine.convert(pages(0, 8), Visibility::Private); });
    w.sink.wait_for_arrivals(1);
    std::atomic<bool> moved{false};
    std::thread mover([&] {
        w.topology.set_offset(w.ram, 64 * kPage);
        moved = true;
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    EXPECT_FALSE(moved);
    w.sink.stop_at(std::nullopt);
    held.join();
    mover.join();
    EXPECT_EQ(w.sink.at(Gpa(64 * kPage)), Visibility::Private);
    EXPECT_EQ(w.sink.at(Gpa(72 * kPage)), Visibility::Shared);
}

TEST(ConversionThreads, conversionsAndMapChangesTogetherEndConsistent) {
    World w;
    std::atomic<bool> stop{false};
    std::thread mover([&] {
        for (int i = 0; !stop; ++i)
            w.topology.set_offset(w.ram, i % 2 != 0 ? 0 : 100 * kPage);
        w.topology.set_offset(w.ram, 0);
    });
    std::mt19937 random(1);
    for (int i = 0; i < 3000; ++i) {
        Visibility to = random() % 2 != 0 ? Visibility::Private : Visibility::Shared;
        (void)w.engine.convert(pages(random() % 220, 1 + random() % 8), to);
    }
    stop = true;
    mover.join();
    for (uint64_t p = 0; p < 128; ++p)
        EXPECT_EQ(w.block->visibility().at(RamOffset(p * kPage)), w.sink.at(Gpa(p * kPage))) << "page " << p;
}

TEST(ConversionThreads, copyInProgressIsWaitedForBeforeItsPagesGo) {
    World w;
    unsigned use = w.block->enter_use();
    std::atomic<bool> converted{false};
    std::thread converter([&] {
        (void)w.engine.convert(pages(0, 8), Visibility::Private);
        converted = true;
    });
    while (w.block->visibility().at(RamOffset(0)) == Visibility::Shared)
        std::this_thread::yield();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    EXPECT_FALSE(converted);
    // New copies do not hold it up: they see that the pages are private.
    unsigned later = w.block->enter_use();
    w.block->leave_use(use);
    w.block->leave_use(later);
    converter.join();
    EXPECT_EQ(w.dropper.calls.size(), 1u);
}

// A page that turns private has no shared memory left, however busy devices are with it.
TEST(ConversionThreads, deviceCopiesNeverBringBackFreedPages) {
    auto block = fake_private_ram("ram", 16 * kPage);
    Topology topology;
    MemoryRegion root = MemoryRegion::container("root", MemoryRegion::kWholeSpace);
    AddressSpace space(topology, root, "memory");
    FailurePlan plan;
    FakeAttributeSink sink(plan);
    VmWideAttributes model(sink);
    ConversionEngine engine(space, sink, model);
    MemoryRegion ram = MemoryRegion::ram("ram", *block);
    topology.add(root, ram, 0);
    DmaSpace dma(space);
    std::atomic<bool> stop{false};
    std::vector<std::thread> devices;
    for (uint64_t t = 0; t < 2; ++t) {
        devices.emplace_back([&, t] {
            std::vector<uint8_t> data(4 * kPage, 0x77);
            while (!stop)
                (void)dma.write(Gpa((2 + 6 * t) * kPage), data);
        });
    }
    for (int i = 0; i < 2000; ++i) {
        ASSERT_EQ(engine.convert(pages(0, 16), Visibility::Private).outcome, ConversionOutcome::Done);
        ASSERT_EQ(block->resident_shared(block->whole()), 0u) << "round " << i;
        ASSERT_EQ(engine.convert(pages(0, 16), Visibility::Shared).outcome, ConversionOutcome::Done);
    }
    stop = true;
    for (std::thread& device : devices)
        device.join();
}

}  // namespace
}  // namespace vmm
