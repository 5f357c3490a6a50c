// L1 and L2 entries: what the 64 bits of each say, and how to make them. Pure; header only. Standard entries
// only (no subclusters). Spec: qcow2, "Cluster mapping".
#pragma once

#include <cstdint>

#include "backends/block/qcow2/geometry.h"

namespace vmm::qcow2 {

inline constexpr uint64_t kCopied = uint64_t{1} << 63;
inline constexpr uint64_t kCompressed = uint64_t{1} << 62;
inline constexpr uint64_t kZero = 1;
inline constexpr uint64_t kOffsetMask = 0x00ff'ffff'ffff'fe00;
inline constexpr uint64_t kL1Reserved = 0x7f00'0000'0000'01ff;
inline constexpr uint64_t kL2Reserved = 0x3f00'0000'0000'01fe;
inline constexpr uint64_t kRefcountTableReserved = 0x1ff;

enum class ClusterKind : uint8_t {
    Unallocated,    // the backing file's bytes, or zeros
    Zero,           // zeros, no host cluster
    ZeroAllocated,  // zeros, and a host cluster kept for later
    Data,
    Compressed,
    Invalid,  // the entry breaks the format
};

constexpr bool has_host_cluster(ClusterKind kind) {
    return kind == ClusterKind::Data || kind == ClusterKind::ZeroAllocated;
}

constexpr ClusterKind kind_of(uint64_t entry, const Geometry& g) {
    if (entry & kCompressed) return entry & kCopied ? ClusterKind::Invalid : ClusterKind::Compressed;
    uint64_t host = entry & kOffsetMask;
    if ((entry & kL2Reserved) || g.in_cluster(host)) return ClusterKind::Invalid;
    if (host == 0 && (entry & kCopied)) return ClusterKind::Invalid;  // only external data files may
    if (entry & kZero) {
        if (g.version < 3) return ClusterKind::Invalid;
        return host ? ClusterKind::ZeroAllocated : ClusterKind::Zero;
    }
    return host ? ClusterKind::Data : ClusterKind::Unallocated;
}

constexpr bool l1_entry_valid(uint64_t entry, const Geometry& g) {
    return !(entry & kL1Reserved) && !g.in_cluster(entry & kOffsetMask) &&
           !((entry & kCopied) && !(entry & kOffsetMask));
}

// Where compressed bytes lie. They start anywhere and end with a 512-byte sector.
struct CompressedExtent {
    uint64_t offset;
    uint64_t bytes;
};
constexpr CompressedExtent compressed_extent(uint64_t entry, const Geometry& g) {
    unsigned x = 62 - (g.cluster_bits - 8);
    uint64_t offset = entry & ((uint64_t{1} << x) - 1);
    uint64_t more_sectors = (entry & (kCompressed - 1)) >> x;
    return {offset, (more_sectors + 1) * kSectorSize - (offset & (kSectorSize - 1))};
}

}  // namespace vmm::qcow2
