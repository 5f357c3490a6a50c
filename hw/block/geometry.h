// Geometry: cylinders, heads and sectors, as ATA disks show them and as a user sets them for the BIOS
// (cyls=,heads=,secs= and lcyls=,lheads=,lsecs=). Pure.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "qom/property.h"
#include "util/result.h"

namespace vmm {

struct Geometry {
    uint32_t cylinders = 0;
    uint32_t heads = 0;
    uint32_t sectors = 0;
    uint64_t capacity() const { return uint64_t{cylinders} * heads * sectors; }
    bool operator==(const Geometry&) const = default;
};

// The largest geometry each bus can show.
inline constexpr Geometry kAtaGeometryLimits{65535, 16, 255};
inline constexpr Geometry kWideGeometryLimits{65535, 255, 255};

// Sixteen heads, 63 sectors and up to 16383 cylinders: what disks beyond 8 GB say of themselves.
Geometry default_geometry(uint64_t disk_sectors);

struct GeometryConfig {
    uint32_t cyls = 0, heads = 0, secs = 0;     // all 0: default_geometry()
    uint32_t lcyls = 0, lheads = 0, lsecs = 0;  // all 0: the firmware finds out by itself
};
template <typename C>
constexpr auto geometry_props() {
    return std::array{
        prop<C, &GeometryConfig::cyls>("cyls", "cylinders"),
        prop<C, &GeometryConfig::heads>("heads", "heads"),
        prop<C, &GeometryConfig::secs>("secs", "sectors a track"),
        prop<C, &GeometryConfig::lcyls>("lcyls", "cylinders the BIOS shows"),
        prop<C, &GeometryConfig::lheads>("lheads", "heads the BIOS shows"),
        prop<C, &GeometryConfig::lsecs>("lsecs", "sectors a track the BIOS shows"),
    };
}
// Refuses a physical geometry beyond the bus's limits, and parts of one. What the BIOS shows goes to it as it
// is written.
Status check_geometry(const GeometryConfig& config, const Geometry& limits);
Geometry physical_geometry(const GeometryConfig& config, uint64_t disk_sectors);
// For the "bios-geometry" file.
std::optional<Geometry> bios_geometry(const GeometryConfig& config);

}  // namespace vmm
