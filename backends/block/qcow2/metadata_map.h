// MetadataMap: where the metadata of an open image lies, so that nothing is written over it by mistake or by
// a damaged image: every allocation and every write in place asks here first. Thread-safe (own leaf lock).
// Spec: none; the checks are those of overlap-check=.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "backends/block/qcow2/geometry.h"
#include "util/mutex.h"

namespace vmm::qcow2 {

enum class Area : uint8_t {
    Header,
    ActiveL1,
    ActiveL2,
    RefcountTable,
    RefcountBlock,
    SnapshotTable,
    InactiveL1,
    InactiveL2,
};
inline constexpr unsigned kAreas = 8;
std::string_view area_name(Area area);

// overlap-check=: which areas are looked at.
inline constexpr uint32_t kOverlapNone = 0;
inline constexpr uint32_t kOverlapConstant =
    1u << static_cast<unsigned>(Area::Header) | 1u << static_cast<unsigned>(Area::ActiveL1) |
    1u << static_cast<unsigned>(Area::RefcountTable) | 1u << static_cast<unsigned>(Area::SnapshotTable);
inline constexpr uint32_t kOverlapAll = (1u << kAreas) - 1;
// Inactive L2 tables are on the disk only; everything else is in memory anyway.
inline constexpr uint32_t kOverlapCached = kOverlapAll & ~(1u << static_cast<unsigned>(Area::InactiveL2));

class MetadataMap {
  public:
    MetadataMap(const Geometry& geometry, uint32_t checked) : geometry_(geometry), checked_(checked) {}

    void add(Area area, uint64_t offset, uint64_t bytes);
    void remove(uint64_t offset, uint64_t bytes);
    // The area that [offset, offset + bytes) touches, if any of the checked ones.
    std::optional<Area> find(uint64_t offset, uint64_t bytes) const;
    // Whatever is checked: is this cluster metadata?
    std::optional<Area> at_cluster(uint64_t cluster) const;
    bool checks(Area area) const { return (checked_ >> static_cast<unsigned>(area) & 1) != 0; }

  private:
    const Geometry geometry_;
    const uint32_t checked_;
    mutable Mutex mutex_{LockRank::Leaf, "qcow2 metadata map"};
    std::unordered_map<uint64_t, Area> clusters_ GUARDED_BY(mutex_);
};

}  // namespace vmm::qcow2
