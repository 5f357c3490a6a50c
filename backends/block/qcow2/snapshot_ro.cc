#include "backends/block/qcow2/snapshot_ro.h"

#include "util/align.h"
#include "util/endian.h"

namespace vmm::qcow2 {
namespace {

constexpr uint64_t kFixedBytes = 40, kMaxExtraBytes = 1024;

// The fixed part and the defined extra fields; `entry` has them all.
Snapshot parse_fixed(const uint8_t* entry, uint64_t extra) {
    Snapshot s;
    s.l1_offset = load_be<uint64_t>(entry);
    s.l1_size = load_be<uint32_t>(entry + 8);
    s.date_sec = load_be<uint32_t>(entry + 16);
    s.date_nsec = load_be<uint32_t>(entry + 20);
    s.vm_clock_nsec = load_be<uint64_t>(entry + 24);
    s.vm_state_bytes = load_be<uint32_t>(entry + 32);
    if (extra >= 8) s.vm_state_bytes = load_be<uint64_t>(entry + 40);
    if (extra >= 16) s.disk_size = load_be<uint64_t>(entry + 48);
    return s;
}

Status check_l1(const Snapshot& s, const Geometry& g, uint64_t file_size) {
    uint64_t bytes = uint64_t{s.l1_size} * 8;
    uint64_t end = g.clusters_for(file_size) << g.cluster_bits;
    if (bytes > kMaxL1Bytes || g.in_cluster(s.l1_offset) || s.l1_offset > end || bytes > end - s.l1_offset)
        return Error::make("the L1 table of snapshot '%s' is invalid", s.id.c_str());
    return {};
}

}  // namespace

Result<SnapshotTable> parse_snapshot_table(std::span<const uint8_t> bytes, uint32_t count,
                                           const Geometry& geometry, uint64_t file_size) {
    SnapshotTable table;
    uint64_t at = 0;
    for (uint32_t i = 0; i < count; ++i) {
        at = align_up(at, 8);
        if (at > bytes.size() || bytes.size() - at < kFixedBytes)
            return Error::make("the snapshot table is cut off");
        const uint8_t* entry = bytes.data() + at;
        uint64_t id = load_be<uint16_t>(entry + 12), name = load_be<uint16_t>(entry + 14);
        uint64_t extra = load_be<uint32_t>(entry + 36);
        if (extra > kMaxExtraBytes) return Error::make("snapshot %u has too much extra data", i);
        uint64_t whole = kFixedBytes + extra + id + name;
        if (bytes.size() - at < whole) return Error::make("the snapshot table is cut off");
        Snapshot s = parse_fixed(entry, extra);
        const uint8_t* text = entry + kFixedBytes + extra;
        s.id.assign(text, text + id);
        s.name.assign(text + id, text + id + name);
        TRY(check_l1(s, geometry, file_size));
        table.snapshots.push_back(std::move(s));
        at += whole;
    }
    table.bytes = at;
    return table;
}

}  // namespace vmm::qcow2
