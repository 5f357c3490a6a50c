// APIC ids: known layouts, and that ids and places are two names of one thing.
#include "target/i386/cpu/apic_id.h"

#include <gtest/gtest.h>

#include <set>

namespace vmm {
namespace {

TEST(ApicId, powersOfTwoArePacked) {
    const CpuTopology topology{.sockets = 2, .dies = 1, .cores = 4, .threads = 2};
    for (unsigned i = 0; i < topology.cpus(); i++)
        EXPECT_EQ(apic_id_of_index(topology, i), i);
}

TEST(ApicId, oddCountsLeaveHoles) {
    const CpuTopology topology{.sockets = 2, .dies = 1, .cores = 3, .threads = 2};
    const ApicIdLayout layout = apic_id_layout(topology);
    EXPECT_EQ(layout.core_shift, 1u);
    EXPECT_EQ(layout.die_shift, 3u);
    EXPECT_EQ(layout.socket_shift, 3u);
    EXPECT_EQ(apic_id_of_index(topology, 5), 5u);
    EXPECT_EQ(apic_id_of_index(topology, 6), 8u);
    EXPECT_EQ(apic_id_of_index(topology, 11), 13u);
}

TEST(ApicId, everyShapeRoundTripsAndIsUnique) {
    for (unsigned sockets : {1u, 2u, 5u})
        for (unsigned dies : {1u, 2u, 3u})
            for (unsigned cores : {1u, 2u, 3u, 6u})
                for (unsigned threads : {1u, 2u, 3u}) {
                    const CpuTopology topology{sockets, dies, cores, threads};
                    std::set<uint32_t> seen;
                    for (unsigned i = 0; i < topology.cpus(); i++) {
                        const uint32_t id = apic_id_of_index(topology, i);
                        EXPECT_TRUE(seen.insert(id).second);
                        EXPECT_EQ(place_of_apic_id(topology, id), cpu_place(topology, i));
                        if (i > 0) {
                            EXPECT_GT(id, apic_id_of_index(topology, i - 1));
                        }
                    }
                }
}

}  // namespace
}  // namespace vmm
