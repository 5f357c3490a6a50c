// Which place a user means by socket, die, core and thread, or by an APIC id.
#include "hw/i386/cpu_places.h"

#include <gtest/gtest.h>

namespace vmm {
namespace {

using Config = CpuDevice::Config;

std::vector<CpuSlotPlace> places_of(const CpuTopology& topology, bool numa) {
    std::vector<CpuSlotPlace> places;
    for (unsigned i = 0; i < topology.cpus(); ++i) {
        const CpuPlace place = cpu_place(topology, i);
        places.push_back({place, apic_id_of(topology, place), {}});
        if (numa) places.back().node = place.socket;
    }
    return places;
}

std::optional<int32_t> as_id(unsigned number) {
    return static_cast<int32_t>(number);
}

unsigned index_of(const CpuTopology& topology, const std::vector<CpuSlotPlace>& places,
                  const Config& wanted) {
    Result<unsigned> found = find_cpu_place(topology, places, wanted);
    return found ? *found : ~0u;
}

// Every place of every small topology is found by its numbers and by its APIC id, and by nothing else.
TEST(CpuPlaces, EveryPlaceIsFoundByItsNumbers) {
    for (unsigned sockets = 1; sockets <= 3; ++sockets)
        for (unsigned dies = 1; dies <= 3; ++dies)
            for (unsigned cores = 1; cores <= 3; ++cores)
                for (unsigned threads = 1; threads <= 3; ++threads) {
                    const CpuTopology topology{sockets, dies, cores, threads};
                    const std::vector<CpuSlotPlace> places = places_of(topology, true);
                    for (unsigned i = 0; i < places.size(); ++i) {
                        const CpuPlace& at = places[i].place;
                        Config wanted{
                            as_id(at.socket), as_id(at.die), as_id(at.core), as_id(at.thread), {}, {}};
                        EXPECT_EQ(index_of(topology, places, wanted), i);
                        wanted.node_id = as_id(at.socket);
                        EXPECT_EQ(index_of(topology, places, wanted), i);
                        wanted.apic_id = places[i].apic_id;
                        EXPECT_EQ(index_of(topology, places, wanted), i);
                        Config by_id;
                        by_id.apic_id = places[i].apic_id;
                        EXPECT_EQ(index_of(topology, places, by_id), i);
                        if (dies == 1) wanted.die_id.reset();
                        EXPECT_EQ(index_of(topology, places, wanted), i);
                    }
                }
}

TEST(CpuPlaces, WhatIsWrongIsNamed) {
    const CpuTopology topology{2, 1, 3, 2};
    const std::vector<CpuSlotPlace> places = places_of(topology, true);
    const struct {
        Config wanted;
        const char* message;
    } rows[] = {
        {{}, "CPU socket-id is not set"},
        {{0, {}, {}, 0, {}, {}}, "CPU core-id is not set"},
        {{0, {}, 1, {}, {}, {}}, "CPU thread-id is not set"},
        {{2, {}, 0, 0, {}, {}}, "Invalid CPU socket-id: 2 must be in range 0:1"},
        {{0, 1, 0, 0, {}, {}}, "Invalid CPU die-id: 1 must be in range 0:0"},
        {{0, {}, 3, 0, {}, {}}, "Invalid CPU core-id: 3 must be in range 0:2"},
        {{0, {}, 0, -1, {}, {}}, "Invalid CPU thread-id: -1 must be in range 0:1"},
        {{0, {}, 0, 0, 1, {}}, "node-id=1 must match numa node specified with -numa option"},
        {{1, {}, {}, {}, {}, 0}, "property socket-id: 1 doesn't match set apic-id: 0x0 (socket-id: 0)"},
        {{{}, {}, {}, {}, {}, 99},
         "Invalid CPU [socket: 12, die: 0, core: 1, thread: 1] with APIC ID 99, valid index range 0:11"},
    };
    for (const auto& row : rows) {
        Result<unsigned> found = find_cpu_place(topology, places, row.wanted);
        ASSERT_FALSE(found) << row.message;
        EXPECT_EQ(found.error().message(), row.message);
    }
    const CpuTopology with_dies{1, 2, 1, 1};
    Result<unsigned> found = find_cpu_place(with_dies, places_of(with_dies, false), {0, {}, 0, 0, {}, {}});
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().message(), "CPU die-id is not set");
}

}  // namespace
}  // namespace vmm
