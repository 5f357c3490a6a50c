// Rendering the tree: by example, and against asking the tree about every page.
#include "system/memory/flat_render.h"

#include <gtest/gtest.h>

#include <deque>
#include <random>

#include "system/memory/address_space.h"
#include "system/memory/ram_block.h"
#include "system/memory/region.h"
#include "system/memory/region_ops.h"
#include "system/memory/topology.h"

namespace vmm {
namespace {

class NoOps : public IoOps {
  public:
    uint64_t read(uint64_t, unsigned) override { return 0; }
    void write(uint64_t, uint64_t, unsigned) override {}
};

struct Tree {
    NoOps ops;
    Topology topology;
    MemoryRegion root = MemoryRegion::container("root", MemoryRegion::kWholeSpace);
    std::string text() {
        std::string all;
        for (const FlatSection& s : flat_render(root)) {
            char line[160];
            std::snprintf(line, sizeof line, "%s@%llx:%llx-%llx%s ", s.region->name().c_str(),
                          static_cast<unsigned long long>(s.offset_in_region),
                          static_cast<unsigned long long>(s.range.first().raw()),
                          static_cast<unsigned long long>(s.range.last().raw()), s.readonly ? "(ro)" : "");
            all += line;
        }
        return all;
    }
};

TEST(FlatRender, higherPriorityCutsAHoleIntoTheLower) {
    Tree t;
    MemoryRegion low = MemoryRegion::io("low", 0x100, t.ops), high = MemoryRegion::io("high", 0x10, t.ops);
    t.topology.add(t.root, low, 0);
    t.topology.add(t.root, high, 0x40, 1);
    EXPECT_EQ(t.text(), "low@0:0-3f high@0:40-4f low@50:50-ff ");
}

TEST(FlatRender, ofEqualPriorityTheLastAddedAnswers) {
    Tree t;
    MemoryRegion a = MemoryRegion::io("a", 0x10, t.ops), b = MemoryRegion::io("b", 0x10, t.ops);
    t.topology.add(t.root, a, 0);
    t.topology.add(t.root, b, 8);
    EXPECT_EQ(t.text(), "a@0:0-7 b@0:8-17 ");
}

TEST(FlatRender, whatLiesBelowShowsThroughAContainersGaps) {
    Tree t;
    MemoryRegion below = MemoryRegion::io("below", 0x100, t.ops);
    MemoryRegion bus = MemoryRegion::container("bus", 0x80);
    MemoryRegion device = MemoryRegion::io("device", 0x10, t.ops);
    t.topology.add(t.root, below, 0, -1);
    t.topology.add(t.root, bus, 0x20);
    t.topology.add(bus, device, 0x78);  // half of it sticks out of the bus
    EXPECT_EQ(t.text(), "below@0:0-97 device@0:98-9f below@a0:a0-ff ");
}

TEST(FlatRender, aliasShowsItsPartAndItsReadonlyWindowIsReadonly) {
    Tree t;
    auto block = RamBlock::anonymous("ram", 0x4000).take_value();
    MemoryRegion ram = MemoryRegion::ram("ram", *block);
    MemoryRegion low = MemoryRegion::alias("low", ram, 0, 0x3000);
    MemoryRegion pam = MemoryRegion::alias("pam", ram, 0x1000, 0x1000);
    t.topology.add(t.root, low, 0);
    t.topology.add(t.root, pam, 0x1000, 1);
    t.topology.set_readonly(pam, true);
    EXPECT_EQ(t.text(), "ram@0:0-fff ram@1000:1000-1fff(ro) ram@2000:2000-2fff ");
    t.topology.set_readonly(pam, false);
    EXPECT_EQ(t.text(), "ram@0:0-2fff ");
    t.topology.set_alias_offset(pam, 0x3000);
    EXPECT_EQ(t.text(), "ram@0:0-fff ram@3000:1000-1fff ram@2000:2000-2fff ");
    t.topology.set_enabled(pam, false);
    EXPECT_EQ(t.text(), "ram@0:0-2fff ");
}

TEST(FlatRender, aliasBeyondItsTargetAndRegionsAtTheTopAreClipped) {
    Tree t;
    MemoryRegion io = MemoryRegion::io("io", 0x20, t.ops);
    MemoryRegion alias = MemoryRegion::alias("alias", io, 0x10, 0x100);
    MemoryRegion top = MemoryRegion::io("top", 0x20, t.ops);
    t.topology.add(t.root, alias, 0x1000);
    t.topology.add(t.root, top, ~uint64_t{0} - 7);
    EXPECT_EQ(t.text(), "io@10:1000-100f top@0:fffffffffffffff8-ffffffffffffffff ");
}

// What answers at an address, straight from the definition.
struct Answer {
    const MemoryRegion* region = nullptr;
    uint64_t offset = 0;
    bool readonly = false;
    bool operator==(const Answer&) const = default;
};
Answer ask(MemoryRegion& region, uint64_t offset, bool readonly) {
    if (!region.enabled() || offset > region.last_offset()) return {};
    readonly = readonly || region.readonly();
    if (region.kind() == MemoryRegion::Kind::Alias)
        return ask(*region.alias_target(), offset + region.alias_offset(), readonly);
    if (region.kind() != MemoryRegion::Kind::Container) return {&region, offset, readonly};
    for (MemoryRegion* child : region.children()) {
        if (offset < child->offset()) continue;
        Answer answer = ask(*child, offset - child->offset(), readonly);
        if (answer.region != nullptr) return answer;
    }
    return {};
}

// Regions do not move: made where they stay.
struct Held {
    template <typename Make>
    explicit Held(Make make) : region(make()) {}
    MemoryRegion region;
};

TEST(FlatRender, randomTreesAnswerAsTheirDefinitionSays) {
    for (unsigned seed = 0; seed < 400; ++seed) {
        std::mt19937 random(seed);
        auto pick = [&](uint64_t below) { return static_cast<uint64_t>(random() % below); };
        NoOps ops;
        Topology topology;
        MemoryRegion root = MemoryRegion::container("root", MemoryRegion::kWholeSpace);
        std::deque<Held> containers, leaves, aliases;
        std::vector<MemoryRegion*> parents{&root};
        for (int i = 0; i < 14; ++i) {
            MemoryRegion* made;
            uint64_t size = 1 + pick(120);
            if (pick(3) == 0) {
                made = &containers.emplace_back([&] { return MemoryRegion::container("c", size); }).region;
            } else if (pick(2) == 0 && !leaves.empty()) {
                std::deque<Held>& from = pick(2) == 0 && !containers.empty() ? containers : leaves;
                MemoryRegion& target = from[pick(from.size())].region;
                uint64_t shift = pick(60);
                // An alias goes to the root only, so that no tree shows itself.
                made = &aliases.emplace_back([&] { return MemoryRegion::alias("a", target, shift, size); })
                            .region;
                topology.add(root, *made, pick(200), static_cast<int>(pick(4)));
                continue;
            } else {
                made = &leaves.emplace_back([&] { return MemoryRegion::io("l", size, ops); }).region;
            }
            topology.add(*parents[pick(parents.size())], *made, pick(200), static_cast<int>(pick(4)));
            if (made->kind() == MemoryRegion::Kind::Container) parents.push_back(made);
            if (pick(8) == 0) topology.set_enabled(*made, false);
            if (pick(8) == 0) topology.set_readonly(*made, true);
        }
        FlatView view(flat_render(root));
        for (uint64_t at = 0; at < 500; ++at) {
            const FlatSection* s = view.find(Gpa(at));
            Answer got;
            if (s != nullptr)
                got = {s->region, s->offset_in_region + (at - s->range.first().raw()), s->readonly};
            ASSERT_EQ(got, ask(root, at, false)) << "seed " << seed << " address " << at;
        }
        aliases.clear();  // before what they show
    }
}

}  // namespace
}  // namespace vmm
