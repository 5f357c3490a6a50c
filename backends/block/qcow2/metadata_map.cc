#include "backends/block/qcow2/metadata_map.h"

namespace vmm::qcow2 {

std::string_view area_name(Area area) {
    constexpr std::string_view kNames[kAreas] = {"qcow2_header",      "active L1 table",  "active L2 table",
                                                 "refcount table",    "refcount block",   "snapshot table",
                                                 "inactive L1 table", "inactive L2 table"};
    return kNames[static_cast<unsigned>(area)];
}

void MetadataMap::add(Area area, uint64_t offset, uint64_t bytes) {
    Locked lock(mutex_);
    uint64_t end = geometry_.clusters_for(offset + bytes);
    for (uint64_t cluster = offset >> geometry_.cluster_bits; cluster < end; ++cluster)
        clusters_.emplace(cluster, area);
}

void MetadataMap::remove(uint64_t offset, uint64_t bytes) {
    Locked lock(mutex_);
    uint64_t end = geometry_.clusters_for(offset + bytes);
    for (uint64_t cluster = offset >> geometry_.cluster_bits; cluster < end; ++cluster)
        clusters_.erase(cluster);
}

std::optional<Area> MetadataMap::find(uint64_t offset, uint64_t bytes) const {
    if (checked_ == kOverlapNone) return std::nullopt;
    Locked lock(mutex_);
    uint64_t end = geometry_.clusters_for(offset + bytes);
    for (uint64_t cluster = offset >> geometry_.cluster_bits; cluster < end; ++cluster) {
        auto found = clusters_.find(cluster);
        if (found != clusters_.end() && checks(found->second)) return found->second;
    }
    return std::nullopt;
}

std::optional<Area> MetadataMap::at_cluster(uint64_t cluster) const {
    Locked lock(mutex_);
    auto found = clusters_.find(cluster);
    if (found == clusters_.end()) return std::nullopt;
    return found->second;
}

}  // namespace vmm::qcow2
