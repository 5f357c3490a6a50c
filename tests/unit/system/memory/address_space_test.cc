// Address spaces: what answers where, who is told, and how accesses are fitted to devices.
#include "system/memory/address_space.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "system/memory/listener.h"
#include "system/memory/print.h"
#include "system/memory/ram_block.h"
#include "system/memory/region.h"
#include "system/memory/region_ops.h"
#include "system/memory/topology.h"
#include "util/align.h"
#include "util/text.h"

namespace vmm {
namespace {

std::unique_ptr<RamBlock> ram_of(uint64_t size, uint8_t fill = 0) {
    auto block = RamBlock::anonymous("ram", size).take_value();
    std::memset(block->data(), fill, size);
    return block;
}

// Remembers accesses; reads give the offset in every byte.
class Recorder : public IoOps {
  public:
    uint64_t read(uint64_t offset, unsigned size) override {
        log.push_back(strf("r%u@%llx", size, static_cast<unsigned long long>(offset)));
        uint64_t value = 0;
        for (unsigned i = 0; i < size; ++i)
            value |= (offset + i) << (8 * i);
        return value;
    }
    void write(uint64_t offset, uint64_t value, unsigned size) override {
        log.push_back(strf("w%u@%llx=%llx", size, static_cast<unsigned long long>(offset),
                           static_cast<unsigned long long>(value)));
    }
    IoSizes sizes() const override { return io_sizes; }
    IoSizes io_sizes;
    std::vector<std::string> log;
};

using Log = std::vector<std::string>;

struct Space {
    Topology topology;
    MemoryRegion root = MemoryRegion::container("root", MemoryRegion::kWholeSpace);
    AddressSpace space{topology, root, "memory"};
};

TEST(AddressSpace, readsOfNothingAreAllOnesAndWritesToItDoNothing) {
    Space s;
    std::array<uint8_t, 5> bytes = {};
    EXPECT_EQ(s.space.read(Gpa(0x1000), bytes), AccessResult::Unassigned);
    EXPECT_EQ(bytes, (std::array<uint8_t, 5>{0xff, 0xff, 0xff, 0xff, 0xff}));
    EXPECT_EQ(s.space.load(Gpa(0xfffffffffffffff8), 8), ~uint64_t{0});
    EXPECT_EQ(s.space.load(Gpa(0x10), 3), 0xffffffu);
    s.space.store(Gpa(0x10), 1, 4);
}

TEST(AddressSpace, accessAcrossRamDeviceAndHoleReachesEachPart) {
    Space s;
    auto block = ram_of(0x1000, 0xaa);
    Recorder device;
    MemoryRegion ram = MemoryRegion::ram("ram", *block);
    MemoryRegion io = MemoryRegion::io("io", 4, device);
    s.topology.add(s.root, ram, 0);
    s.topology.add(s.root, io, 0x1000);
    std::array<uint8_t, 8> bytes = {};
    EXPECT_EQ(s.space.read(Gpa(0xffe), bytes), AccessResult::Unassigned);
    EXPECT_EQ(bytes, (std::array<uint8_t, 8>{0xaa, 0xaa, 0, 1, 2, 3, 0xff, 0xff}));
    EXPECT_EQ(device.log, Log({"r4@0"}));
    std::array<uint8_t, 4> out = {1, 2, 3, 4};
    EXPECT_EQ(s.space.write(Gpa(0xffe), out), AccessResult::Ok);
    EXPECT_EQ(block->data()[0xfff], 2);
    EXPECT_EQ(device.log.back(), "w2@0=403");
    AddressSpace::Lookup lookup(s.space);
    EXPECT_EQ(lookup.load(Gpa(0xffe), 8), 0xffff030201000201u);
}

TEST(AddressSpace, wrapAtTheTopOfTheSpaceReadsTheBottom) {
    Space s;
    auto block = ram_of(0x1000, 0x5a);
    MemoryRegion ram = MemoryRegion::ram("ram", *block);
    s.topology.add(s.root, ram, 0);
    std::array<uint8_t, 4> bytes = {};
    EXPECT_EQ(s.space.read(Gpa(~uint64_t{0} - 1), bytes), AccessResult::Unassigned);
    EXPECT_EQ(bytes, (std::array<uint8_t, 4>{0xff, 0xff, 0x5a, 0x5a}));
}

TEST(AddressSpace, romReadsAndIgnoresWrites) {
    Space s;
    auto block = ram_of(0x1000, 0x11);
    MemoryRegion rom = MemoryRegion::rom("rom", *block);
    s.topology.add(s.root, rom, 0);
    s.space.store(Gpa(0), 0x99, 1);
    EXPECT_EQ(s.space.write(Gpa(0), std::array<uint8_t, 1>{0x99}), AccessResult::Ok);
    EXPECT_EQ(s.space.load(Gpa(0), 1), 0x11u);
}

TEST(AddressSpace, romDeviceReadsMemoryAndWritesGoToTheDeviceUntilItTakesAll) {
    Space s;
    auto block = ram_of(0x1000, 0x11);
    Recorder device;
    MemoryRegion flash = MemoryRegion::rom_device("flash", *block, device);
    s.topology.add(s.root, flash, 0x2000);
    EXPECT_EQ(s.space.load(Gpa(0x2000), 1), 0x11u);
    s.space.store(Gpa(0x2004), 0x50, 1);
    EXPECT_EQ(device.log, Log({"w1@4=50"}));
    s.topology.set_rom_device_mode(flash, RomDeviceMode::Io);
    EXPECT_EQ(s.space.load(Gpa(0x2008), 1), 8u);
}

TEST(AddressSpace, lookupSeesAChangeAtItsNextAccess) {
    Space s;
    auto block = ram_of(0x1000, 0x22);
    MemoryRegion ram = MemoryRegion::ram("ram", *block);
    AddressSpace::Lookup lookup(s.space);
    EXPECT_EQ(lookup.load(Gpa(0), 1), 0xffu);
    s.topology.add(s.root, ram, 0);
    EXPECT_EQ(lookup.load(Gpa(0), 1), 0x22u);
    s.topology.set_enabled(ram, false);
    EXPECT_EQ(lookup.load(Gpa(0), 1), 0xffu);
}

TEST(AddressSpace, regionThatIsDestroyedLeavesTheMap) {
    Space s;
    auto block = ram_of(0x1000, 0x22);
    {
        MemoryRegion ram = MemoryRegion::ram("ram", *block);
        s.topology.add(s.root, ram, 0);
        EXPECT_EQ(s.space.view()->sections().size(), 1u);
    }
    EXPECT_TRUE(s.space.view()->sections().empty());
    EXPECT_TRUE(s.root.children().empty());
}

class Ear : public MemoryListener {
  public:
    explicit Ear(Log& log, std::string name = "", int priority = 0)
        : log_(log), name_(std::move(name)), priority_(priority) {}
    void begin() override { log_.push_back(name_ + "begin"); }
    void section_removed(const FlatSection& s) override { note("-", s); }
    void section_added(const FlatSection& s) override { note("+", s); }
    void commit(const FlatView& view) override {
        log_.push_back(name_ + strf("commit %zu", view.sections().size()));
    }
    int priority() const override { return priority_; }

  private:
    void note(const char* what, const FlatSection& s) {
        log_.push_back(name_ + what +
                       strf("%llx-%llx", static_cast<unsigned long long>(s.range.first().raw()),
                            static_cast<unsigned long long>(s.range.last().raw())));
    }
    Log& log_;
    std::string name_;
    int priority_;
};

TEST(AddressSpace, listenerHearsPresentViewThenChangesThenFarewell) {
    Space s;
    auto block = ram_of(0x3000);
    MemoryRegion ram = MemoryRegion::ram("ram", *block);
    Recorder device;
    MemoryRegion hole = MemoryRegion::io("hole", 0x1000, device);
    s.topology.add(s.root, ram, 0);
    Log log;
    Ear ear(log);
    s.space.add_listener(ear);
    EXPECT_EQ(log, Log({"begin", "+0-2fff", "commit 1"}));
    log.clear();
    s.topology.add(s.root, hole, 0x1000, 1);
    EXPECT_EQ(log, Log({"begin", "-0-2fff", "+0-fff", "+1000-1fff", "+2000-2fff", "commit 3"}));
    log.clear();
    s.topology.remove(hole);
    EXPECT_EQ(log, Log({"begin", "-2000-2fff", "-1000-1fff", "-0-fff", "+0-2fff", "commit 1"}));
    log.clear();
    s.space.remove_listener(ear);
    EXPECT_EQ(log, Log({"begin", "-0-2fff", "commit 0"}));
}

TEST(AddressSpace, listenersHearInOrderOfPriorityAndRemovalsInReverse) {
    Space s;
    auto block = ram_of(0x1000);
    MemoryRegion ram = MemoryRegion::ram("ram", *block);
    Log log;
    Ear second(log, "b:", 10), first(log, "a:", 0);
    s.space.add_listener(second);
    s.space.add_listener(first);
    log.clear();
    s.topology.add(s.root, ram, 0);
    EXPECT_EQ(log, Log({"a:begin", "b:begin", "a:+0-fff", "b:+0-fff", "a:commit 1", "b:commit 1"}));
    log.clear();
    s.topology.remove(ram);
    EXPECT_EQ(log, Log({"a:begin", "b:begin", "b:-0-fff", "a:-0-fff", "a:commit 0", "b:commit 0"}));
    s.space.remove_listener(first);
    s.space.remove_listener(second, AddressSpace::Farewell::Silent);
}

TEST(AddressSpace, nestedTransactionsCommitOnceAndUnchangedViewsTellNobody) {
    Space s;
    auto block = ram_of(0x1000);
    MemoryRegion ram = MemoryRegion::ram("ram", *block);
    Log log;
    Ear ear(log);
    s.space.add_listener(ear);
    log.clear();
    {
        Topology::Transaction outer(s.topology);
        s.topology.add(s.root, ram, 0);
        {
            Topology::Transaction inner(s.topology);
            s.topology.set_offset(ram, 0x5000);
        }
        EXPECT_TRUE(log.empty());
    }
    EXPECT_EQ(log, Log({"begin", "+5000-5fff", "commit 1"}));
    log.clear();
    s.topology.set_offset(ram, 0x5000);
    EXPECT_TRUE(log.empty());
    s.space.remove_listener(ear, AddressSpace::Farewell::Silent);
}

struct WidthCase {
    IoSizes sizes;
    uint64_t offset;
    unsigned size;
    Log reads;
    uint64_t value;
    Log writes;  // of 0x8877665544332211
};

TEST(Width, accessesAreFittedToWhatTheDeviceTakes) {
    const WidthCase cases[] = {
        {{}, 0, 4, {"r4@0"}, 0x03020100, {"w4@0=44332211"}},
        {{}, 0, 8, {"r4@0", "r4@4"}, 0x0706050403020100, {"w4@0=44332211", "w4@4=88776655"}},
        {{}, 2, 4, {"r2@2", "r2@4"}, 0x05040302, {"w2@2=2211", "w2@4=4433"}},
        {{}, 1, 2, {"r1@1", "r1@2"}, 0x0201, {"w1@1=11", "w1@2=22"}},
        {{.unaligned = true}, 1, 4, {"r4@1"}, 0x04030201, {"w4@1=44332211"}},
        {{.accepted_max = 1}, 4, 2, {"r1@4", "r1@5"}, 0x0504, {"w1@4=11", "w1@5=22"}},
        {{.accepted_min = 4, .accepted_max = 4}, 4, 2, {}, 0xffff, {}},
        {{.accepted_min = 4, .accepted_max = 4}, 4, 4, {"r4@4"}, 0x07060504, {"w4@4=44332211"}},
        {{.implemented_min = 4}, 6, 1, {"r4@4"}, 0x06, {"r4@4", "w4@4=7110504"}},
        {{.implemented_max = 8}, 8, 8, {"r8@8"}, 0x0f0e0d0c0b0a0908, {"w8@8=8877665544332211"}},
        {{.implemented_min = 4, .unaligned = true},
         3,
         2,
         {"r4@0", "r4@4"},
         0x0403,
         {"r4@0", "w4@0=11020100", "r4@4", "w4@4=7060522"}},
        {{}, 8, 3, {"r2@8", "r1@a"}, 0x0a0908, {"w2@8=2211", "w1@a=33"}},
    };
    for (const WidthCase& c : cases) {
        SCOPED_TRACE(testing::Message() << "offset " << c.offset << " size " << c.size);
        Space s;
        Recorder device;
        device.io_sizes = c.sizes;
        MemoryRegion io = MemoryRegion::io("io", 0x100, device);
        s.topology.add(s.root, io, 0x4000);
        AddressSpace::Lookup lookup(s.space);
        EXPECT_EQ(lookup.load(Gpa(0x4000 + c.offset), c.size), c.value);
        EXPECT_EQ(device.log, c.reads);
        device.log.clear();
        lookup.store(Gpa(0x4000 + c.offset), 0x8877665544332211, c.size);
        EXPECT_EQ(device.log, c.writes);
    }
}

TEST(Print, treeAndFlatViewNameEveryRegion) {
    Space s;
    auto block = ram_of(0x4000);
    MemoryRegion ram = MemoryRegion::ram("pc.ram", *block);
    MemoryRegion low = MemoryRegion::alias("ram-low", ram, 0x1000, 0x2000);
    s.topology.add(s.root, low, 0x8000, -1);
    EXPECT_EQ(print_tree(s.space),
              "address-space: memory\n"
              "  0000000000000000-ffffffffffffffff (prio 0, container): root\n"
              "    0000000000008000-0000000000009fff (prio -1, alias): ram-low @pc.ram 0000000000001000-"
              "0000000000002fff\n");
    EXPECT_EQ(print_flat(s.space),
              "flat view: memory\n  0000000000008000-0000000000009fff (prio 0, ram): pc.ram "
              "@0000000000001000\n");
}

TEST(AddressSpace, readersAndAWriterOfTheMapAgree) {
    Space s;
    auto a = ram_of(0x1000, 1), b = ram_of(0x1000, 2);
    MemoryRegion ram_a = MemoryRegion::ram("a", *a), ram_b = MemoryRegion::ram("b", *b);
    s.topology.add(s.root, ram_a, 0);
    s.topology.add(s.root, ram_b, 0, 1);
    std::atomic<bool> stop{false};
    std::atomic<int> wrong{0};
    std::thread reader([&] {
        AddressSpace::Lookup lookup(s.space);
        while (!stop) {
            uint64_t got = lookup.load(Gpa(0x800), 2);
            if (got != 0x0101 && got != 0x0202) ++wrong;
        }
    });
    for (int i = 0; i < 2000; ++i)
        s.topology.set_enabled(ram_b, i % 2 == 0);
    stop = true;
    reader.join();
    EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace vmm
