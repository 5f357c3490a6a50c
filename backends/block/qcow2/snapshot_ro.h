// The table of internal snapshots, read and checked. Snapshots are preserved and never changed or made here;
// what they share with the active disk is protected by refcounts. Pure. Spec: qcow2, "Snapshots".
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "backends/block/qcow2/geometry.h"
#include "util/result.h"

namespace vmm::qcow2 {

struct Snapshot {
    std::string id, name;
    uint64_t l1_offset = 0;
    uint32_t l1_size = 0;  // entries
    uint32_t date_sec = 0, date_nsec = 0;
    uint64_t vm_clock_nsec = 0;
    uint64_t vm_state_bytes = 0;
    uint64_t disk_size = 0;  // 0: not said (version 2)
};

struct SnapshotTable {
    std::vector<Snapshot> snapshots;
    uint64_t bytes = 0;  // of the table
};

inline constexpr uint64_t kMaxSnapshotTableBytes = uint64_t{64} << 20;

// `bytes` begins with the table and may go on after it; fails when the table does not end within them or a
// snapshot's L1 table is impossible in a file of this size.
Result<SnapshotTable> parse_snapshot_table(std::span<const uint8_t> bytes, uint32_t count,
                                           const Geometry& geometry, uint64_t file_size);

}  // namespace vmm::qcow2
