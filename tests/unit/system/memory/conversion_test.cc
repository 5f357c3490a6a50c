// The conversion engine by example: which calls it makes, in which order, what it refuses, what it takes
// back.
#include "system/memory/conversion.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "system/memory/dma_space.h"
#include "system/memory/region.h"
#include "system/memory/region_ops.h"
#include "system/memory/topology.h"
#include "tests/fakes/fake_memory_host.h"
#include "util/align.h"

namespace vmm {
namespace {

constexpr uint64_t kPage = kPageSize;
GpaRange pages(uint64_t first, uint64_t count) {
    return GpaRange::of(Gpa(first * kPage), count * kPage);
}
RamRange ram_pages(uint64_t first, uint64_t count) {
    return RamRange::of(RamOffset(first * kPage), count * kPage);
}

class NoOps : public IoOps {
  public:
    uint64_t read(uint64_t, unsigned) override { return 0; }
    void write(uint64_t, uint64_t, unsigned) override {}
};

// Pages 0-15: block a. 16-31: block b. 32-39: MMIO. 40-47: a hole. 48-63: block c, which starts private.
struct World {
    explicit World(uint64_t host_page = kPage)
        : a(fake_private_ram("a", 16 * kPage, Visibility::Shared, host_page)) {
        Topology::Transaction transaction(topology);
        topology.add(root, ram_a, 0);
        topology.add(root, ram_b, 16 * kPage);
        topology.add(root, mmio, 32 * kPage);
        topology.add(root, ram_c, 48 * kPage);
    }
    ConversionOutcome convert(GpaRange range, Visibility to) { return engine.convert(range, to).outcome; }
    void forget_calls() {
        sink.calls.clear();
        dropper.calls.clear();
    }

    std::unique_ptr<RamBlock> a;
    std::unique_ptr<RamBlock> b = fake_private_ram("b", 16 * kPage);
    std::unique_ptr<RamBlock> c = fake_private_ram("c", 16 * kPage, Visibility::Private);
    NoOps ops;
    Topology topology;
    MemoryRegion root = MemoryRegion::container("root", MemoryRegion::kWholeSpace);
    AddressSpace space{topology, root, "memory"};
    FailurePlan plan;
    FakeAttributeSink sink{plan};
    FakePageDropper dropper{plan};
    FakeDiscardListener listener{plan};
    VmWideAttributes model{sink};
    ConversionEngine engine{
        space, sink, model, {.retry = {.attempts = 4, .pause_us = 0}, .dropper = &dropper}};
    MemoryRegion ram_a = MemoryRegion::ram("a", *a);
    MemoryRegion ram_b = MemoryRegion::ram("b", *b);
    MemoryRegion ram_c = MemoryRegion::ram("c", *c);
    MemoryRegion mmio = MemoryRegion::io("mmio", 8 * kPage, ops);
};

using SinkCalls = std::vector<FakeAttributeSink::Call>;
using DropCalls = std::vector<FakePageDropper::Call>;
constexpr Visibility kPrivate = Visibility::Private;
constexpr Visibility kShared = Visibility::Shared;

TEST(Conversion, ramThatStartsPrivateIsMadeSoWhenItIsMapped) {
    World w;
    EXPECT_EQ(w.sink.calls, SinkCalls({{pages(48, 16), kPrivate}}));
    EXPECT_TRUE(w.engine.sync_status());
}

TEST(Conversion, rangeOverTwoBlocksTakesOneAttributeCallAndOneDiscardEach) {
    World w;
    w.forget_calls();
    ConversionResult result = w.engine.convert(pages(10, 10), kPrivate);
    EXPECT_EQ(result.outcome, ConversionOutcome::Done);
    EXPECT_EQ(result.bytes_changed, 10 * kPage);
    EXPECT_EQ(w.sink.calls, SinkCalls({{pages(10, 10), kPrivate}}));
    EXPECT_EQ(w.dropper.calls,
              DropCalls({{"a", ram_pages(10, 6), kShared}, {"b", ram_pages(0, 4), kShared}}));
    EXPECT_EQ(w.a->visibility().bytes(w.a->whole(), kPrivate), 6 * kPage);
}

TEST(Conversion, whatIsAsWantedAlreadyCostsNothing) {
    World w;
    w.forget_calls();
    EXPECT_EQ(w.convert(pages(48, 16), kPrivate), ConversionOutcome::Done);
    EXPECT_EQ(w.convert(pages(0, 32), kShared), ConversionOutcome::Done);
    EXPECT_TRUE(w.sink.calls.empty());
    EXPECT_TRUE(w.dropper.calls.empty());
    EXPECT_EQ(w.engine.stats().counters().unchanged, 2u);
}

TEST(Conversion, mixedRangeIsTrimmedToWhatChangesAndStillOneCall) {
    World w;
    ASSERT_EQ(w.convert(pages(0, 2), kPrivate), ConversionOutcome::Done);
    ASSERT_EQ(w.convert(pages(5, 2), kPrivate), ConversionOutcome::Done);
    w.forget_calls();
    ConversionResult result = w.engine.convert(pages(0, 10), kPrivate);
    EXPECT_EQ(result.bytes_changed, 6 * kPage);
    EXPECT_EQ(w.sink.calls, SinkCalls({{pages(2, 8), kPrivate}}));
    EXPECT_EQ(w.dropper.calls, DropCalls({{"a", ram_pages(2, 8), kShared}}));
}

TEST(Conversion, toSharedOfHolesAndMmioIsAcceptedAndTouchesOnlyRam) {
    World w;
    ASSERT_EQ(w.convert(pages(30, 2), kPrivate), ConversionOutcome::Done);
    w.forget_calls();
    EXPECT_EQ(w.convert(pages(28, 24), kShared), ConversionOutcome::Done);
    EXPECT_EQ(w.sink.calls, SinkCalls({{pages(30, 2), kShared}, {pages(48, 4), kShared}}));
    EXPECT_EQ(w.dropper.calls,
              DropCalls({{"b", ram_pages(14, 2), kPrivate}, {"c", ram_pages(0, 4), kPrivate}}));
    EXPECT_EQ(w.convert(GpaRange::of(Gpa(uint64_t{1} << 40), uint64_t{1} << 45), kShared),
              ConversionOutcome::Done);
}

TEST(Conversion, toPrivateOfWhatIsNoPrivateMemoryIsRefusedWhole) {
    World w;
    w.forget_calls();
    for (GpaRange range : {pages(31, 2), pages(32, 1), pages(40, 1), pages(44, 8), pages(60, 8)}) {
        ConversionResult result = w.engine.convert(range, kPrivate);
        EXPECT_EQ(result.outcome, ConversionOutcome::GuestRefused);
        EXPECT_TRUE(result.error.has_value());
    }
    EXPECT_EQ(w.convert(GpaRange::of(Gpa(0x800), kPage), kPrivate), ConversionOutcome::GuestRefused);
    EXPECT_TRUE(w.sink.calls.empty());
    EXPECT_EQ(w.engine.bytes(kPrivate), 16 * kPage);
    ConversionResult mmio = w.engine.convert(pages(31, 2), kPrivate);
    EXPECT_EQ(mmio.error->text(),
              "converting 0x2000 bytes at 0x1f000 to private: 'mmio' at 0x20000 has no private memory");
}

TEST(Conversion, transientErrorsAreRetriedWithinTheBound) {
    World w;
    w.plan.fail(1, 3, EAGAIN);
    EXPECT_EQ(w.convert(pages(0, 1), kPrivate), ConversionOutcome::Done);
    w.plan.fail(2, 3, EINTR);
    EXPECT_EQ(w.convert(pages(1, 1), kPrivate), ConversionOutcome::Done);
    EXPECT_EQ(w.engine.stats().counters().calls.retries, 6u);
    w.plan.fail(1, 4, EAGAIN);
    EXPECT_EQ(w.convert(pages(2, 1), kPrivate), ConversionOutcome::HostFailed);
    EXPECT_EQ(w.sink.at(Gpa(2 * kPage)), kShared);
}

TEST(Conversion, failedDiscardTakesTheAttributesBackAndTheListenersUpAgain) {
    World w;
    ASSERT_TRUE(w.engine.add_discard_listener(w.listener));
    w.forget_calls();
    w.plan.fail(3, 1, EIO);  // attribute, discard of a, discard of b
    ConversionResult result = w.engine.convert(pages(10, 10), kPrivate);
    EXPECT_EQ(result.outcome, ConversionOutcome::HostFailed);
    EXPECT_EQ(result.error->number(), EIO);
    EXPECT_EQ(w.sink.calls, SinkCalls({{pages(10, 10), kPrivate}, {pages(10, 10), kShared}}));
    EXPECT_TRUE(w.listener.mapped(*w.a, RamOffset(12 * kPage)));
    EXPECT_EQ(w.engine.bytes(kPrivate), 16 * kPage);
    EXPECT_EQ(w.listener.mistakes, 0u);
    w.engine.remove_discard_listener(w.listener);
}

TEST(Conversion, listenerThatRefusesKeepsThePagesPrivate) {
    World w;
    ASSERT_TRUE(w.engine.add_discard_listener(w.listener));
    w.plan.fail(3, 1, ENOSPC);  // attribute, discard, populate
    EXPECT_EQ(w.convert(pages(48, 4), kShared), ConversionOutcome::HostFailed);
    EXPECT_EQ(w.sink.at(Gpa(48 * kPage)), kPrivate);
    EXPECT_EQ(w.c->visibility().at(RamOffset(0)), kPrivate);
    EXPECT_FALSE(w.listener.mapped(*w.c, RamOffset(0)));
    EXPECT_EQ(w.listener.mistakes, 0u);
    w.engine.remove_discard_listener(w.listener);
}

TEST(Conversion, failureToTakeBackIsInconsistentAndTheMapSaysWhatTheKernelHas) {
    World w;
    w.plan.fail(2, 100, EIO);
    ConversionResult result = w.engine.convert(pages(0, 4), kPrivate);
    EXPECT_EQ(result.outcome, ConversionOutcome::Inconsistent);
    w.plan.none();
    EXPECT_EQ(w.sink.at(Gpa(0)), kPrivate);
    EXPECT_EQ(w.a->visibility().at(RamOffset(0)), kPrivate);
    EXPECT_EQ(w.engine.stats().counters().inconsistent, 1u);
}

// The kernel refuses private accesses to ROM and to devices: what shows in place of RAM is shared.
TEST(Conversion, whatHidesPrivateRamIsSharedAndTheRamComesBackPrivate) {
    World w;
    ASSERT_EQ(w.convert(pages(2, 2), kPrivate), ConversionOutcome::Done);
    NoOps ops;
    auto image = RamBlock::anonymous("rom", 16 * kPage).take_value();
    MemoryRegion device = MemoryRegion::io("device", 16 * kPage, ops);
    MemoryRegion rom = MemoryRegion::rom("rom", *image);
    for (MemoryRegion* window : {&device, &rom}) {
        w.forget_calls();
        w.topology.add(w.root, *window, 0, 1);
        EXPECT_EQ(w.sink.calls, SinkCalls({{pages(2, 2), kShared}}));
        EXPECT_EQ(w.engine.bytes(kPrivate), 16 * kPage);
        w.topology.remove(*window);
        EXPECT_EQ(w.sink.calls, SinkCalls({{pages(2, 2), kShared}, {pages(2, 2), kPrivate}}));
        EXPECT_EQ(w.a->visibility().bytes(w.a->whole(), kPrivate), 2 * kPage);
    }
    EXPECT_TRUE(w.dropper.calls.size() == 0) << "what is hidden keeps its pages";
    EXPECT_TRUE(w.engine.sync_status());
}

TEST(Conversion, windowOverSharedRamCostsNothing) {
    World w;
    NoOps ops;
    MemoryRegion window = MemoryRegion::io("window", 32 * kPage, ops);
    w.forget_calls();
    w.topology.add(w.root, window, 0, 1);
    w.topology.remove(window);
    EXPECT_TRUE(w.sink.calls.empty());
}

// Between two windows RAM still shows: one call each, of the pages that were private and are covered.
TEST(Conversion, onlyWhatIsCoveredIsMadeShared) {
    World w;
    ASSERT_EQ(w.convert(pages(0, 32), kPrivate), ConversionOutcome::Done);
    ASSERT_EQ(w.convert(pages(9, 1), kShared), ConversionOutcome::Done);
    NoOps ops;
    MemoryRegion one = MemoryRegion::io("one", 4 * kPage, ops);
    MemoryRegion two = MemoryRegion::io("two", 4 * kPage, ops);
    MemoryRegion odd = MemoryRegion::io("half a page and two", 2 * kPage + 0x800, ops);
    w.forget_calls();
    {
        Topology::Transaction transaction(w.topology);
        w.topology.add(w.root, one, kPage, 1);
        w.topology.add(w.root, two, 8 * kPage, 1);
        w.topology.add(w.root, odd, 20 * kPage + 0x800, 1);
    }
    auto by_address = [](const auto& a, const auto& b) { return a.range.first() < b.range.first(); };
    std::sort(w.sink.calls.begin(), w.sink.calls.end(), by_address);
    EXPECT_EQ(w.sink.calls,
              SinkCalls({{pages(1, 4), kShared}, {pages(8, 4), kShared}, {pages(20, 3), kShared}}));
    w.forget_calls();
    w.topology.set_enabled(w.ram_b, false);
    EXPECT_EQ(w.sink.calls, SinkCalls({{pages(23, 9), kShared}, {pages(16, 4), kShared}}));
}

// A device smaller than a page leaves a page that is RAM in part. No slot shows it, and no conversion is for
// it.
TEST(Conversion, pageThatIsRamInPartIsNotConverted) {
    World w;
    ASSERT_EQ(w.convert(pages(18, 4), kPrivate), ConversionOutcome::Done);
    NoOps ops;
    MemoryRegion small = MemoryRegion::io("small", 16, ops);
    w.topology.add(w.root, small, 20 * kPage + 0x800, 1);
    w.forget_calls();
    EXPECT_EQ(w.convert(pages(16, 8), kPrivate), ConversionOutcome::GuestRefused);
    EXPECT_EQ(w.convert(pages(20, 1), kPrivate), ConversionOutcome::GuestRefused);
    EXPECT_EQ(w.convert(pages(20, 1), kShared), ConversionOutcome::Done);
    EXPECT_EQ(w.convert(pages(16, 8), kShared), ConversionOutcome::Done);
    w.topology.remove(small);
    EXPECT_EQ(w.convert(pages(16, 8), kPrivate), ConversionOutcome::Done);
    EXPECT_EQ(w.convert(pages(16, 8), kShared), ConversionOutcome::Done);
    ASSERT_TRUE(w.engine.reset());
}

TEST(Conversion, ramThatGoesLeavesNothingPrivateBehind) {
    World w;
    ASSERT_EQ(w.convert(pages(2, 2), kPrivate), ConversionOutcome::Done);
    ASSERT_EQ(w.convert(pages(14, 4), kPrivate), ConversionOutcome::Done);
    w.forget_calls();
    {
        Topology::Transaction transaction(w.topology);
        w.topology.set_enabled(w.ram_a, false);
        w.topology.set_enabled(w.ram_b, false);
    }
    EXPECT_EQ(w.sink.calls, SinkCalls({{pages(2, 16), kShared}})) << "side by side: one call";
    w.forget_calls();
    EXPECT_EQ(w.convert(pages(0, 32), kShared), ConversionOutcome::Done);
    EXPECT_TRUE(w.sink.calls.empty());
    EXPECT_TRUE(w.dropper.calls.empty());
    w.topology.set_enabled(w.ram_a, true);
    EXPECT_EQ(w.sink.calls, SinkCalls({{pages(2, 2), kPrivate}, {pages(14, 2), kPrivate}}));
}

TEST(Conversion, failureToShareWhatIsHiddenIsReportedAndClearedOnRequest) {
    World w;
    ASSERT_EQ(w.convert(pages(2, 2), kPrivate), ConversionOutcome::Done);
    const uint64_t calls = w.engine.stats().counters().calls.attribute;
    w.plan.fail(1, 1, ENOMEM);
    w.topology.set_enabled(w.ram_a, false);
    EXPECT_EQ(w.engine.stats().counters().calls.attribute, calls + 1);
    Status status = w.engine.sync_status();
    ASSERT_FALSE(status);
    EXPECT_TRUE(status.error().text().starts_with("making 0x2000 bytes at 0x2000 shared: "))
        << status.error().text();
    EXPECT_EQ(w.sink.at(Gpa(2 * kPage)), kPrivate);
    EXPECT_EQ(w.convert(pages(0, 16), kShared), ConversionOutcome::Done);
    EXPECT_EQ(w.sink.at(Gpa(2 * kPage)), kShared);
}

// A private page that the kernel can only show the shared side of stays private: no one reads zeros for it.
TEST(Conversion, readOnlyWindowOntoPrivateRamStaysPrivate) {
    World w;
    ASSERT_EQ(w.convert(pages(2, 2), kPrivate), ConversionOutcome::Done);
    w.forget_calls();
    w.topology.set_readonly(w.ram_a, true);
    EXPECT_TRUE(w.sink.calls.empty());
}

TEST(Conversion, ramThatMovesTakesItsVisibilityAlong) {
    World w;
    ASSERT_EQ(w.convert(pages(2, 2), kPrivate), ConversionOutcome::Done);
    w.topology.set_offset(w.ram_a, 100 * kPage);
    EXPECT_EQ(w.sink.at(Gpa(102 * kPage)), kPrivate);
    EXPECT_EQ(w.sink.at(Gpa(104 * kPage)), kShared);
}

TEST(Conversion, failureToMakeNewRamPrivateIsReported) {
    World w;
    w.topology.set_enabled(w.ram_c, false);
    w.plan.fail(1, 1, ENOMEM);
    w.topology.set_offset(w.ram_c, 200 * kPage);
    w.topology.set_enabled(w.ram_c, true);
    Status status = w.engine.sync_status();
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().number(), ENOMEM);
    EXPECT_TRUE(w.engine.sync_status());
}

TEST(Conversion, resetGivesEveryBlockItsInitialVisibilityHiddenPartsToo) {
    World w;
    ASSERT_TRUE(w.engine.add_discard_listener(w.listener));
    ASSERT_EQ(w.convert(pages(2, 2), kPrivate), ConversionOutcome::Done);
    ASSERT_EQ(w.convert(pages(50, 2), kShared), ConversionOutcome::Done);
    w.topology.set_enabled(w.ram_a, false);
    ASSERT_TRUE(w.engine.reset());
    EXPECT_TRUE(w.a->visibility().is_all(w.a->whole(), kShared));
    EXPECT_TRUE(w.c->visibility().is_all(w.c->whole(), kPrivate));
    EXPECT_EQ(w.sink.at(Gpa(50 * kPage)), kPrivate);
    w.topology.set_enabled(w.ram_a, true);
    EXPECT_EQ(w.sink.at(Gpa(2 * kPage)), kShared);
    EXPECT_TRUE(w.listener.mapped(*w.a, RamOffset(2 * kPage)));
    EXPECT_FALSE(w.listener.mapped(*w.c, RamOffset(2 * kPage)));
    EXPECT_EQ(w.listener.mistakes, 0u);
    w.engine.remove_discard_listener(w.listener);
}

TEST(Conversion, rebuiltVmIsToldEverythingAgain) {
    World w;
    ASSERT_EQ(w.convert(pages(2, 2), kPrivate), ConversionOutcome::Done);
    w.forget_calls();
    ASSERT_TRUE(w.engine.kernel_forgot());
    EXPECT_EQ(w.sink.calls, SinkCalls({{pages(2, 2), kPrivate}, {pages(48, 16), kPrivate}}));
}

TEST(Conversion, hugePagesAreFreedOnceTheyAreWhollyPrivate) {
    World w(4 * kPage);
    w.forget_calls();
    ASSERT_EQ(w.convert(pages(1, 3), kPrivate), ConversionOutcome::Done);
    EXPECT_TRUE(w.dropper.calls.empty());
    ASSERT_EQ(w.convert(pages(0, 6), kPrivate), ConversionOutcome::Done);
    EXPECT_EQ(w.dropper.calls, DropCalls({{"a", ram_pages(0, 4), kShared}}));
    w.forget_calls();
    ASSERT_EQ(w.convert(pages(2, 1), kShared), ConversionOutcome::Done);
    EXPECT_EQ(w.dropper.calls, DropCalls({{"a", ram_pages(2, 1), kPrivate}}));
    w.forget_calls();
    ASSERT_EQ(w.convert(pages(0, 16), kPrivate), ConversionOutcome::Done);
    EXPECT_EQ(w.dropper.calls, DropCalls({{"a", ram_pages(0, 16), kShared}}));
}

TEST(Conversion, prefaultIsAskedForPrivateRangesOnly) {
    World w;
    ASSERT_EQ(w.engine.convert(pages(0, 4), kPrivate, Prefault::Yes).outcome, ConversionOutcome::Done);
    ASSERT_EQ(w.engine.convert(pages(0, 4), kShared, Prefault::Yes).outcome, ConversionOutcome::Done);
    EXPECT_EQ(w.sink.prefaulted, std::vector<GpaRange>({pages(0, 4)}));
}

TEST(Conversion, mapComesInPages) {
    World w;
    ASSERT_EQ(w.convert(pages(2, 2), kPrivate), ConversionOutcome::Done);
    std::vector<MapRun> runs = w.engine.map(Gpa(0), 2);
    ASSERT_EQ(runs.size(), 2u);
    EXPECT_EQ(runs[1].gpa, pages(2, 2));
    EXPECT_EQ(runs[1].visibility, kPrivate);
    EXPECT_EQ(runs[1].offset, RamOffset(2 * kPage));
    runs = w.engine.map(runs[1].gpa.last() + 1, 100);
    ASSERT_EQ(runs.size(), 3u);
    EXPECT_EQ(runs[0].gpa, pages(4, 12));
    EXPECT_EQ(runs[2].block, w.c.get());
}

TEST(Conversion, statisticsCountByDirectionAndKeepTheLast) {
    World w;
    w.convert(pages(0, 4), kPrivate);
    w.convert(pages(0, 2), kShared);
    w.convert(pages(32, 1), kPrivate);
    ConversionCounters counters = w.engine.stats().counters();
    EXPECT_EQ(counters.to_private, 1u);
    EXPECT_EQ(counters.to_shared, 1u);
    EXPECT_EQ(counters.refused, 1u);
    EXPECT_EQ(counters.bytes_to_private, 4 * kPage);
    EXPECT_EQ(counters.bytes_to_shared, 2 * kPage);
    EXPECT_EQ(counters.calls.discard, 2u);
    EXPECT_EQ(counters.calls.discarded_bytes, 6 * kPage);
    EXPECT_GT(counters.duration_ns, 0u);
    std::vector<ConversionRecord> recent = w.engine.stats().recent();
    ASSERT_EQ(recent.size(), 3u);
    EXPECT_EQ(recent[1].range, pages(0, 2));
    EXPECT_EQ(recent[2].outcome, ConversionOutcome::GuestRefused);
    for (int i = 0; i < 100; ++i)
        w.convert(pages(0, 1), i % 2 != 0 ? kShared : kPrivate);
    EXPECT_EQ(w.engine.stats().recent().size(), ConversionStats::kRecent);
}

TEST(Conversion, whatFailsIsToldWithItsReason) {
    World w;
    std::vector<std::string> told;
    w.engine.set_failure_watcher([&](const FailedConversion& failed) {
        check_no_locks_held("hearing of a failure");
        told.push_back(std::to_string(failed.range.first().raw() / kPage) + " " + visibility_name(failed.to) +
                       " " + std::to_string(static_cast<int>(failed.outcome)) + " " + failed.why.text());
    });
    EXPECT_EQ(w.convert(pages(2, 1), kPrivate), ConversionOutcome::Done);
    EXPECT_EQ(w.convert(pages(32, 1), kShared), ConversionOutcome::Done);
    EXPECT_TRUE(told.empty());
    EXPECT_EQ(w.convert(pages(33, 1), kPrivate), ConversionOutcome::GuestRefused);
    ASSERT_EQ(told.size(), 1u);
    EXPECT_TRUE(told[0].starts_with("33 private 1 converting 0x1000 bytes at 0x21000 to private")) << told[0];
    w.plan.fail(1, 1, EIO);
    EXPECT_EQ(w.convert(pages(3, 1), kPrivate), ConversionOutcome::HostFailed);
    ASSERT_EQ(told.size(), 2u);
    EXPECT_TRUE(told[1].starts_with("3 private 2 ")) << told[1];
}

TEST(Conversion, devicesReachSharedMemoryOnly) {
    World w;
    DmaSpace dma(w.space);
    EXPECT_TRUE(dma.write_value<uint32_t>(Gpa(2 * kPage), 7));
    ASSERT_EQ(w.convert(pages(3, 1), kPrivate), ConversionOutcome::Done);
    EXPECT_EQ(dma.read<uint32_t>(Gpa(2 * kPage)), 7u);
    EXPECT_FALSE(dma.read<uint32_t>(Gpa(3 * kPage)));
    EXPECT_FALSE(dma.read<uint32_t>(Gpa(3 * kPage - 2)));
    EXPECT_FALSE(dma.read<uint32_t>(Gpa(32 * kPage)));
    EXPECT_FALSE(dma.write_value<uint32_t>(Gpa(40 * kPage), 1));
}

// With the kernel's own discards: a memfd stands for the guest_memfd.
TEST(Conversion, bothSidesAreReallyFreed) {
    auto block = fake_private_ram("r", 16 * kPage);
    Topology topology;
    MemoryRegion root = MemoryRegion::container("root", MemoryRegion::kWholeSpace);
    AddressSpace space(topology, root, "memory");
    FailurePlan plan;
    FakeAttributeSink sink(plan);
    VmWideAttributes model(sink);
    ConversionEngine engine(space, sink, model);
    MemoryRegion ram = MemoryRegion::ram("r", *block);
    topology.add(root, ram, 0);
    if (!block->resident_private(block->whole())) GTEST_SKIP() << "this kernel has no cachestat";

    std::memset(block->data(), 0x5a, 16 * kPage);
    ASSERT_EQ(engine.convert(pages(0, 8), Visibility::Private).outcome, ConversionOutcome::Done);
    EXPECT_EQ(block->resident_shared(block->whole()), 8 * kPage);
    EXPECT_EQ(block->data()[0], 0);  // and this touch puts one page back
    ASSERT_TRUE(block->gmem()->preallocate(GmemRange::of(GmemOffset(0), 8 * kPage)));
    EXPECT_EQ(block->resident_private(block->whole()), 8 * kPage);
    std::memset(block->data() + 3 * kPage, 1, 2 * kPage);
    EXPECT_EQ(engine.both_bytes(), 3 * kPage);
    EXPECT_EQ(engine.resident_bytes(Visibility::Private), 8 * kPage);
    EXPECT_EQ(engine.resident_bytes(Visibility::Shared), 11 * kPage);
    ASSERT_EQ(engine.convert(pages(0, 8), Visibility::Shared).outcome, ConversionOutcome::Done);
    EXPECT_EQ(block->resident_private(block->whole()), 0u);
    EXPECT_EQ(engine.both_bytes(), 0u);
}

}  // namespace
}  // namespace vmm
