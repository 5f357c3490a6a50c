// Cylinders, heads and sectors; see geometry.h.
#include "hw/block/geometry.h"

#include <algorithm>

namespace vmm {

Geometry default_geometry(uint64_t disk_sectors) {
    constexpr uint32_t kHeads = 16, kSectors = 63;
    const uint64_t cylinders = std::clamp<uint64_t>(disk_sectors / (kHeads * kSectors), 2, 16383);
    return {static_cast<uint32_t>(cylinders), kHeads, kSectors};
}

Status check_geometry(const GeometryConfig& config, const Geometry& limits) {
    const Geometry asked{config.cyls, config.heads, config.secs};
    if (asked == Geometry{}) return {};
    const auto in = [](uint32_t value, uint32_t most) { return value >= 1 && value <= most; };
    if (!in(asked.cylinders, limits.cylinders))
        return Error::make("cyls must be between 1 and %u", limits.cylinders);
    if (!in(asked.heads, limits.heads)) return Error::make("heads must be between 1 and %u", limits.heads);
    if (!in(asked.sectors, limits.sectors))
        return Error::make("secs must be between 1 and %u", limits.sectors);
    return {};
}

Geometry physical_geometry(const GeometryConfig& config, uint64_t disk_sectors) {
    if (config.cyls == 0) return default_geometry(disk_sectors);
    return {config.cyls, config.heads, config.secs};
}

std::optional<Geometry> bios_geometry(const GeometryConfig& config) {
    const Geometry asked{config.lcyls, config.lheads, config.lsecs};
    if (asked == Geometry{}) return std::nullopt;
    return asked;
}

}  // namespace vmm
