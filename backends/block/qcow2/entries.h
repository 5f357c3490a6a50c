// L1 and L2 entries: what the bits of each say. With extended L2 entries a second number has two bits for
// each of a cluster's 32 subclusters. Pure; header only. Spec: qcow2, "Cluster mapping", "Extended L2
// Entries".
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
        if (g.version < 3 || g.extended_l2) return ClusterKind::Invalid;
        return host ? ClusterKind::ZeroAllocated : ClusterKind::Zero;
    }
    return host ? ClusterKind::Data : ClusterKind::Unallocated;
}

// One L2 entry; `subclusters` is only there with extended entries.
struct L2Entry {
    uint64_t entry = 0;
    uint64_t subclusters = 0;  // bits 0-31: allocated, 32-63: reads as zeroes
};
inline constexpr uint64_t kAllAllocated = 0xffff'ffff, kAllZero = 0xffff'ffff'0000'0000;

// What a whole cluster of zeroes without a host cluster is (in version 2: nothing).
constexpr L2Entry zero_entry(const Geometry& g) {
    if (g.extended_l2) return {0, kAllZero};
    return {g.version >= 3 ? kZero : 0, 0};
}
// Zeroes with a host cluster kept for later.
constexpr L2Entry kept_zero_entry(const Geometry& g, uint64_t host) {
    if (g.extended_l2) return {host | kCopied, kAllZero};
    return {host | kCopied | kZero, 0};
}
// A cluster in place, all of it.
constexpr L2Entry data_entry(const Geometry& g, uint64_t host) {
    return {host | kCopied, g.extended_l2 ? kAllAllocated : 0};
}
constexpr uint64_t host_of(uint64_t entry) {
    return entry & kCompressed ? 0 : entry & kOffsetMask;
}

// The kind of one subcluster; without extended entries, of the cluster.
constexpr ClusterKind subcluster_kind(const L2Entry& e, unsigned subcluster, const Geometry& g) {
    ClusterKind whole = kind_of(e.entry, g);
    if (!g.extended_l2 || whole == ClusterKind::Compressed || whole == ClusterKind::Invalid) return whole;
    bool allocated = (e.subclusters >> subcluster & 1) != 0;
    bool zero = (e.subclusters >> (kSubclusters + subcluster) & 1) != 0;
    bool host = whole == ClusterKind::Data;
    if (allocated) return zero || !host ? ClusterKind::Invalid : ClusterKind::Data;
    if (zero) return host ? ClusterKind::ZeroAllocated : ClusterKind::Zero;
    return ClusterKind::Unallocated;
}
constexpr bool subclusters_valid(const L2Entry& e, const Geometry& g) {
    if (!g.extended_l2 || kind_of(e.entry, g) == ClusterKind::Compressed) return true;
    if (e.subclusters & (e.subclusters >> kSubclusters) & kAllAllocated) return false;
    return host_of(e.entry) != 0 || (e.subclusters & kAllAllocated) == 0;
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
