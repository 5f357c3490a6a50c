// What a driver may do wrong to a ring, one way a row: each is found, said, and nothing else happens.
#include <gtest/gtest.h>

#include <functional>

#include "hw/virtio/packed_ring.h"
#include "hw/virtio/split_ring.h"
#include "tests/fakes/virtio_driver.h"

namespace vmm::virtio {
namespace {

constexpr uint64_t kTable = 0x900000;

// A ring of 8 with one buffer of three descriptors, which the row then spoils.
struct SplitRow {
    const char* name;
    std::function<void(DriverMemory&, SplitDriver&)> spoil;
    const char* error;
};

void indirect_table(DriverMemory& memory, unsigned index, uint64_t address, uint32_t size, uint16_t flags,
                    uint16_t next) {
    memory.put<uint64_t>(kTable + 16 * index, address);
    memory.put<uint32_t>(kTable + 16 * index + 8, size);
    memory.put<uint16_t>(kTable + 16 * index + 12, flags);
    memory.put<uint16_t>(kTable + 16 * index + 14, next);
}

TEST(BadSplitRing, isBroken) {
    // The driver's first buffer takes the descriptors 0, 1, 2.
    const SplitRow rows[] = {
        {"head out of range", [](auto& m, auto& d) { m.template put<uint16_t>(d.place.driver + 4, 8); },
         "descriptor 8 of a ring of 8"},
        {"index too far", [](auto& m, auto& d) { m.template put<uint16_t>(d.place.driver + 2, 9); },
         "the available index went from 0 to 9"},
        {"index backwards", [](auto& m, auto& d) { m.template put<uint16_t>(d.place.driver + 2, 0xffff); },
         "the available index went from 0 to 65535"},
        {"next out of range", [](auto&, auto& d) { d.describe(1, 0x1000, 16, kDescNext, 4711); },
         "descriptor 4711 of a ring of 8"},
        {"loop", [](auto&, auto& d) { d.describe(1, 0x1000, 16, kDescNext, 0); }, "loop"},
        {"loop on itself", [](auto&, auto& d) { d.describe(0, 0x1000, 16, kDescNext, 0); }, "loop"},
        {"readable after writable",
         [](auto&, auto& d) { d.describe(0, 0x1000, 16, kDescNext | kDescWrite, 1); }, "out of order"},
        {"address wraps", [](auto&, auto& d) { d.describe(0, ~uint64_t{0} - 3, 16, kDescNext, 1); }, "wraps"},
        {"indirect and next", [](auto&, auto& d) { d.describe(0, kTable, 16, kDescIndirect | kDescNext, 1); },
         "with a next one"},
        {"empty table", [](auto&, auto& d) { d.describe(0, kTable, 0, kDescIndirect, 0); },
         "table of 0 bytes"},
        {"odd table", [](auto&, auto& d) { d.describe(0, kTable, 24, kDescIndirect, 0); },
         "table of 24 bytes"},
        {"table wraps", [](auto&, auto& d) { d.describe(0, ~uint64_t{15}, 32, kDescIndirect, 0); },
         "table wraps"},
        {"table nowhere", [](auto&, auto& d) { d.describe(0, 0x100000000, 16, kDescIndirect, 0); },
         "shared RAM"},
        {"table in a table",
         [](auto& m, auto& d) {
             d.describe(0, kTable, 16, kDescIndirect, 0);
             indirect_table(m, 0, kTable, 16, kDescIndirect, 0);
         },
         "within an indirect table"},
        {"table next out of range",
         [](auto& m, auto& d) {
             d.describe(0, kTable, 32, kDescIndirect, 0);
             indirect_table(m, 0, 0x1000, 16, kDescNext, 2);
         },
         "descriptor 2 follows in an indirect table of 2"},
        {"loop in a table",
         [](auto& m, auto& d) {
             d.describe(0, kTable, 32, kDescIndirect, 0);
             indirect_table(m, 0, 0x1000, 16, kDescNext, 1);
             indirect_table(m, 1, 0x1000, 16, kDescNext, 0);
         },
         "form a loop"},
        {"a loop in the largest table",
         [](auto& m, auto& d) {
             d.describe(0, kTable, 0xfffffff0, kDescIndirect, 0);
             indirect_table(m, 0, 0x1000, 16, kDescNext, 0);
         },
         "too long"},
    };
    for (const SplitRow& row : rows) {
        SCOPED_TRACE(row.name);
        DriverSpace memory;
        SplitDriver driver(memory, 8, 0);
        SplitRing ring(memory.space, driver.place, kIndirect);
        const DriverBuffer buffers[] = {{0x800000, 16, false}, {0x801000, 16, false}, {0x802000, 16, true}};
        ASSERT_TRUE(driver.add(buffers, false));
        row.spoil(memory, driver);
        Chain chain;
        EXPECT_EQ(ring.pop(chain), Ring::Pop::Broken);
        EXPECT_NE(ring.error().find(row.error), std::string::npos) << ring.error();
    }
}

TEST(BadSplitRing, indirectTablesAreRefusedUnlessAgreed) {
    DriverSpace memory;
    SplitDriver driver(memory, 8, 0);
    SplitRing ring(memory.space, driver.place, 0);
    const DriverBuffer buffer{0x800000, 16, false};
    ASSERT_TRUE(driver.add({&buffer, 1}, true));
    Chain chain;
    EXPECT_EQ(ring.pop(chain), Ring::Pop::Broken);
    EXPECT_EQ(ring.error(), "an indirect descriptor was not agreed upon");
}

TEST(BadSplitRing, ringsOutsideMemoryAreBroken) {
    DriverSpace memory;
    SplitDriver driver(memory, 8, 0);
    RingPlace place = driver.place;
    place.driver = 0x200000000;
    SplitRing no_avail(memory.space, place, 0);
    Chain chain;
    EXPECT_EQ(no_avail.pop(chain), Ring::Pop::Broken);
    place = driver.place;
    place.device = 0x200000000;
    SplitRing no_used(memory.space, place, 0);
    const DriverBuffer buffer{0x800000, 16, false};
    ASSERT_TRUE(driver.add({&buffer, 1}, false));
    ASSERT_EQ(no_used.pop(chain), Ring::Pop::Got);
    EXPECT_FALSE(no_used.push(chain, 0));
    EXPECT_FALSE(no_used.set_notify(true));
}

TEST(SplitRing, pieces_ofNoLengthAreLeftOut) {
    DriverSpace memory;
    SplitDriver driver(memory, 8, 0);
    SplitRing ring(memory.space, driver.place, 0);
    const DriverBuffer buffers[] = {{0x800000, 16, false}, {~uint64_t{0}, 0, false}, {0x802000, 16, true}};
    ASSERT_TRUE(driver.add(buffers, false));
    Chain chain;
    ASSERT_EQ(ring.pop(chain), Ring::Pop::Got);
    EXPECT_EQ(chain.readable().size(), 1u);
    EXPECT_EQ(chain.writable().size(), 1u);
}

struct PackedRow {
    const char* name;
    std::function<void(DriverMemory&, uint64_t ring)> spoil;
    const char* error;
};

TEST(BadPackedRing, isBroken) {
    constexpr auto kFlags = [](unsigned index) { return 16 * index + 14; };
    const PackedRow rows[] = {
        {"longer than the ring",
         [=](auto& m, uint64_t ring) {
             for (unsigned i = 0; i < 8; ++i)
                 m.template put<uint16_t>(ring + kFlags(i), kDescAvail | kDescNext);
         },
         "longer than the ring"},
        {"readable after writable",
         [=](auto& m, uint64_t ring) {
             m.template put<uint16_t>(ring + kFlags(0), kDescAvail | kDescNext | kDescWrite);
         },
         "out of order"},
        {"indirect in a chain",
         [=](auto& m, uint64_t ring) {
             m.template put<uint16_t>(ring + kFlags(1), kDescAvail | kDescIndirect);
         },
         "within a chain"},
        {"indirect and next",
         [=](auto& m, uint64_t ring) {
             m.template put<uint16_t>(ring + kFlags(0), kDescAvail | kDescIndirect | kDescNext);
         },
         "within a chain"},
        {"odd table",
         [=](auto& m, uint64_t ring) {
             m.template put<uint32_t>(ring + 8, 17);
             m.template put<uint16_t>(ring + kFlags(0), kDescAvail | kDescIndirect);
         },
         "table of 17 bytes"},
        {"table in a table",
         [=](auto& m, uint64_t ring) {
             m.template put<uint64_t>(ring, kTable);
             m.template put<uint32_t>(ring + 8, 16);
             m.template put<uint16_t>(ring + kFlags(0), kDescAvail | kDescIndirect);
             m.template put<uint16_t>(kTable + kFlags(0), kDescIndirect);
         },
         "within an indirect table"},
        {"a table of too many pieces",
         [=](auto& m, uint64_t ring) {
             m.template put<uint64_t>(ring, kTable);
             m.template put<uint32_t>(ring + 8, 16 * 1025);
             m.template put<uint16_t>(ring + kFlags(0), kDescAvail | kDescIndirect);
             for (unsigned i = 0; i < 1025; ++i)
                 m.template put<uint32_t>(kTable + 16 * i + 8, 1);
         },
         "too long"},
        {"address wraps", [](auto& m, uint64_t ring) { m.template put<uint64_t>(ring, ~uint64_t{0}); },
         "wraps"},
    };
    for (const PackedRow& row : rows) {
        SCOPED_TRACE(row.name);
        DriverSpace memory;
        PackedDriver driver(memory, 8, kRingPacked);
        PackedRing ring(memory.space, driver.place, kRingPacked | kIndirect);
        const DriverBuffer buffers[] = {{0x800000, 16, false}, {0x801000, 16, false}, {0x802000, 16, true}};
        ASSERT_TRUE(driver.add(buffers, false));
        row.spoil(memory, driver.place.descriptors);
        Chain chain;
        EXPECT_EQ(ring.pop(chain), Ring::Pop::Broken);
        EXPECT_NE(ring.error().find(row.error), std::string::npos) << ring.error();
    }
}

}  // namespace
}  // namespace vmm::virtio
