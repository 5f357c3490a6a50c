// Cylinders, heads and sectors; see geometry.h.
#include "hw/block/geometry.h"

#include <algorithm>

namespace vmm {

namespace {

Status check_one(const char* prefix, const Geometry& asked, const Geometry& limits) {
    if (asked == Geometry{}) return {};
    const auto in = [](uint32_t value, uint32_t most) { return value >= 1 && value <= most; };
    if (!in(asked.cylinders, limits.cylinders))
        return Error::make("%scyls must be between 1 and %u", prefix, limits.cylinders);
    if (!in(asked.heads, limits.heads))
        return Error::make("%sheads must be between 1 and %u", prefix, limits.heads);
    if (!in(asked.sectors, limits.sectors))
        return Error::make("%ssecs must be between 1 and %u", prefix, limits.sectors);
    return {};
}

}  // namespace

Geometry default_geometry(uint64_t disk_sectors) {
    constexpr uint32_t kHeads = 16, kSectors = 63;
    const uint64_t cylinders = std::clamp<uint64_t>(disk_sectors / (kHeads * kSectors), 2, 16383);
    return {static_cast<uint32_t>(cylinders), kHeads, kSectors};
}

Status check_geometry(const GeometryConfig& config, const Geometry& limits) {
    TRY(check_one("", {config.cyls, config.heads, config.secs}, limits));
    // The BIOS's own interface has the wider limits on any bus.
    return check_one("l", {config.lcyls, config.lheads, config.lsecs}, kWideGeometryLimits);
}

Geometry physical_geometry(const GeometryConfig& config, uint64_t disk_sectors) {
    if (config.cyls == 0) return default_geometry(disk_sectors);
    return {config.cyls, config.heads, config.secs};
}

std::optional<Geometry> bios_geometry(const GeometryConfig& config) {
    if (config.lcyls == 0) return std::nullopt;
    return Geometry{config.lcyls, config.lheads, config.lsecs};
}

}  // namespace vmm
