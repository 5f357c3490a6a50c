// One populated map of several sources; and a second kernel model behind the conversion engine.
#include "system/memory/populated.h"

#include <gtest/gtest.h>

#include "system/memory/conversion.h"
#include "system/memory/region.h"
#include "system/memory/topology.h"
#include "tests/fakes/fake_memory_host.h"
#include "util/align.h"

namespace vmm {
namespace {

constexpr uint64_t kPage = kPageSize;
RamRange ram_pages(uint64_t first, uint64_t count) {
    return RamRange::of(RamOffset(first * kPage), count * kPage);
}
GpaRange pages(uint64_t first, uint64_t count) {
    return GpaRange::of(Gpa(first * kPage), count * kPage);
}

// As virtio-mem: some pages are unplugged.
class Plugged : public PopulatedSource {
  public:
    void visit_populated(const RamBlock&, RamRange range,
                         const std::function<void(RamRange)>& visit) const override {
        map.visit(range.first().raw(), range.last().raw(), [&](uint64_t first, uint64_t last, bool plugged) {
            if (plugged) visit(RamRange::between(RamOffset(first), RamOffset(last)));
            return true;
        });
    }
    IntervalMap<bool> map{true};
};

struct World {
    World() { topology.add(root, ram, 0); }
    std::unique_ptr<RamBlock> block = fake_private_ram("ram", 16 * kPage);
    Topology topology;
    MemoryRegion root = MemoryRegion::container("root", MemoryRegion::kWholeSpace);
    AddressSpace space{topology, root, "memory"};
    FailurePlan plan;
    FakeAttributeSink sink{plan};
    FakePageDropper dropper{plan};
    FakeDiscardListener listener{plan};
    VmWideAttributes model{sink};
    ConversionEngine engine{space, sink, model, {.retry = {.attempts = 1}, .dropper = &dropper}};
    MemoryRegion ram = MemoryRegion::ram("ram", *block);
    bool mapped(uint64_t page) { return listener.mapped(*block, RamOffset(page * kPage)); }
};

TEST(Populated, listenersHearOnlyWhatEverySourceHasThere) {
    World w;
    Plugged plugged;
    plugged.map.set(4 * kPage, 8 * kPage - 1, false);
    w.engine.add_populated_source(plugged);
    ASSERT_EQ(w.engine.convert(pages(12, 4), Visibility::Private).outcome, ConversionOutcome::Done);
    ASSERT_TRUE(w.engine.add_discard_listener(w.listener));
    EXPECT_TRUE(w.mapped(3));
    EXPECT_FALSE(w.mapped(4));
    EXPECT_TRUE(w.mapped(8));
    EXPECT_FALSE(w.mapped(12));
    ASSERT_EQ(w.engine.convert(pages(0, 16), Visibility::Private).outcome, ConversionOutcome::Done);
    EXPECT_FALSE(w.mapped(3));
    ASSERT_EQ(w.engine.convert(pages(0, 16), Visibility::Shared).outcome, ConversionOutcome::Done);
    EXPECT_TRUE(w.mapped(3));
    EXPECT_FALSE(w.mapped(5));
    EXPECT_TRUE(w.mapped(15));
    EXPECT_EQ(w.listener.mistakes, 0u);
    w.engine.remove_discard_listener(w.listener);
    w.engine.remove_populated_source(plugged);
}

TEST(Populated, aListenerThatRefusesAtTheStartIsToldTheReverseAndStaysOut) {
    World w;
    ASSERT_EQ(w.engine.convert(pages(4, 2), Visibility::Private).outcome, ConversionOutcome::Done);
    w.plan.fail(2, 1, ENOSPC);
    Status added = w.engine.add_discard_listener(w.listener);
    ASSERT_FALSE(added);
    EXPECT_EQ(added.error().number(), ENOSPC);
    EXPECT_FALSE(w.mapped(0));
    ASSERT_EQ(w.engine.convert(pages(4, 2), Visibility::Shared).outcome, ConversionOutcome::Done);
    EXPECT_FALSE(w.mapped(4));
}

TEST(Populated, discardFreesBothSidesAndKeepsTheVisibility) {
    World w;
    ASSERT_EQ(w.engine.convert(pages(0, 4), Visibility::Private).outcome, ConversionOutcome::Done);
    w.dropper.calls.clear();
    ASSERT_TRUE(w.engine.discard(*w.block, ram_pages(2, 4)));
    using Calls = std::vector<FakePageDropper::Call>;
    EXPECT_EQ(w.dropper.calls, Calls({{"ram", ram_pages(2, 4), Visibility::Shared},
                                      {"ram", ram_pages(2, 4), Visibility::Private}}));
    EXPECT_EQ(w.block->visibility().at(RamOffset(2 * kPage)), Visibility::Private);
}

// In-place conversion: attributes of each guest_memfd, by offset; one memory, so nothing is freed.
class InPlaceModel : public VisibilityModel {
  public:
    explicit InPlaceModel(FailurePlan& plan) : plan_(plan) {}
    void steps(const ConversionPlan& plan, Steps& steps) const override {
        size_t next = 0;
        for (const RamPiece& piece : plan.pieces) {
            const size_t begin = steps.before.size();
            for (; next < plan.changes.size() && piece.gpa.contains(plan.changes[next].gpa); ++next)
                steps.before.push_back(plan.changes[next]);
            if (begin == steps.before.size()) continue;
            RamRange hull =
                RamRange::between(steps.before[begin].ram_first, steps.before.back().ram().last());
            steps.list.push_back({piece.cut(hull), begin, steps.before.size()});
        }
    }
    bool is_all(const RamPiece& piece, Visibility visibility) const override {
        return of(*piece.block)
            .visit(piece.ram().first().raw(), piece.ram().last().raw(),
                   [&](uint64_t, uint64_t, Visibility v) { return v == visibility; });
    }
    Status set(const RamPiece& what, Visibility to) override {
        TRY(plan_.next("KVM_SET_MEMORY_ATTRIBUTES2"));
        ++calls;
        of(*what.block).set(what.ram().first().raw(), what.ram().last().raw(), to);
        return {};
    }
    void visit(const RamPiece& piece, const std::function<void(RamRange, Visibility)>& visit) const override {
        of(*piece.block)
            .visit(piece.ram().first().raw(), piece.ram().last().raw(),
                   [&](uint64_t first, uint64_t last, Visibility v) {
                       visit(RamRange::between(RamOffset(first), RamOffset(last)), v);
                       return true;
                   });
    }
    bool keeps_other_side() const override { return false; }
    std::vector<SyncStep> sync(const RamPiece&) const override { return {}; }
    std::optional<SyncStep> sync_outside(GpaRange) const override { return std::nullopt; }
    void forget() override { blocks_.clear(); }
    IntervalMap<Visibility>& of(const RamBlock& block) const {
        return blocks_.try_emplace(&block, block.initial_visibility()).first->second;
    }
    int calls = 0;

  private:
    FailurePlan& plan_;
    mutable std::map<const RamBlock*, IntervalMap<Visibility>> blocks_;
};

TEST(ConversionEngine, servesAKernelThatConvertsInPlace) {
    auto a = fake_private_ram("a", 8 * kPage), b = fake_private_ram("b", 8 * kPage);
    Topology topology;
    MemoryRegion root = MemoryRegion::container("root", MemoryRegion::kWholeSpace);
    AddressSpace space(topology, root, "memory");
    FailurePlan plan;
    FakeAttributeSink sink(plan);
    FakePageDropper dropper(plan);
    InPlaceModel model(plan);
    ConversionEngine engine(space, sink, model,
                            {.retry = {.attempts = 2, .pause_us = 0}, .dropper = &dropper});
    MemoryRegion ram_a = MemoryRegion::ram("a", *a), ram_b = MemoryRegion::ram("b", *b);
    topology.add(root, ram_a, 0);
    topology.add(root, ram_b, 8 * kPage);

    EXPECT_EQ(engine.convert(pages(4, 8), Visibility::Private).outcome, ConversionOutcome::Done);
    EXPECT_EQ(model.calls, 2);  // one a guest_memfd
    EXPECT_TRUE(dropper.calls.empty());
    EXPECT_EQ(model.of(*b).at(3 * kPage), Visibility::Private);
    plan.fail(2, 2, EAGAIN);  // pages of the second file are pinned
    EXPECT_EQ(engine.convert(pages(0, 16), Visibility::Shared).outcome, ConversionOutcome::HostFailed);
    EXPECT_EQ(model.of(*a).at(4 * kPage), Visibility::Private);
    EXPECT_EQ(model.of(*a).at(3 * kPage), Visibility::Shared);
    EXPECT_EQ(a->visibility().bytes(a->whole(), Visibility::Private), 4 * kPage);
    plan.fail(1, 1, EAGAIN);  // within one block: tried again
    EXPECT_EQ(engine.convert(pages(0, 2), Visibility::Private).outcome, ConversionOutcome::Done);
    EXPECT_EQ(model.of(*a).at(kPage), Visibility::Private);
    EXPECT_TRUE(sink.calls.empty());
    EXPECT_TRUE(dropper.calls.empty());
}

}  // namespace
}  // namespace vmm
