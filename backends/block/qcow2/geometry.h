// Geometry: the numbers that follow from a qcow2 header (cluster size, refcount width, sizes of tables) and
// the arithmetic on them. Used by every other part of qcow2. Pure; header only. Spec: qcow2, "Host cluster
// management" and "Cluster mapping".
#pragma once

#include <cstdint>

namespace vmm::qcow2 {

inline constexpr unsigned kMinClusterBits = 9, kMaxClusterBits = 21, kMinExtendedClusterBits = 14;
inline constexpr unsigned kSubclusters = 32;
inline constexpr unsigned kSectorSize = 512;
inline constexpr uint64_t kMaxL1Bytes = uint64_t{32} << 20;
inline constexpr uint64_t kMaxRefcountTableBytes = uint64_t{8} << 20;
inline constexpr uint64_t kMaxHostOffset = uint64_t{1} << 56;  // no table can point past it

struct Geometry {
    uint32_t version = 3;
    unsigned cluster_bits = 16;
    unsigned refcount_order = 4;
    bool extended_l2 = false;  // 16-byte L2 entries, 32 subclusters in a cluster

    constexpr uint64_t cluster_size() const { return uint64_t{1} << cluster_bits; }
    constexpr uint64_t in_cluster(uint64_t offset) const { return offset & (cluster_size() - 1); }
    constexpr uint64_t cluster_start(uint64_t offset) const { return offset & ~(cluster_size() - 1); }
    constexpr uint64_t clusters_for(uint64_t bytes) const {
        return (bytes >> cluster_bits) + (in_cluster(bytes) != 0);
    }

    constexpr unsigned l2_entry_shift() const { return extended_l2 ? 4 : 3; }
    constexpr uint64_t l2_entries() const { return cluster_size() >> l2_entry_shift(); }
    // What an L2 entry tells apart: a cluster, or a subcluster.
    constexpr unsigned units() const { return extended_l2 ? kSubclusters : 1; }
    constexpr uint64_t unit_size() const { return cluster_size() / units(); }
    constexpr unsigned l1_shift() const { return cluster_bits + cluster_bits - l2_entry_shift(); }
    constexpr uint64_t l1_index(uint64_t guest) const { return guest >> l1_shift(); }
    constexpr uint64_t l2_index(uint64_t guest) const { return (guest >> cluster_bits) & (l2_entries() - 1); }
    constexpr uint64_t l1_entries_for(uint64_t size) const {
        uint64_t reach = uint64_t{1} << l1_shift();
        return (size >> l1_shift()) + ((size & (reach - 1)) != 0);
    }

    // Refcounts in one refcount block, as a power of two.
    constexpr unsigned block_shift() const { return cluster_bits + 3 - refcount_order; }
    constexpr uint64_t block_entries() const { return uint64_t{1} << block_shift(); }
    constexpr uint64_t max_refcount() const {
        return refcount_order == 6 ? ~uint64_t{0} : (uint64_t{1} << (1u << refcount_order)) - 1;
    }
};

}  // namespace vmm::qcow2
