// The SMBIOS tables of a PC (types 0, 1, 3, 4, 16, 17, 19, 32, 127, and 2, 8, 9, 11, 41 where the user has
// something to say) and their entry point, 2.8 or 3.0. For firmware both go into fw_cfg (the firmware sets
// the address and sums); for a direct boot placed_anchor() makes the entry point final. Called by the board.
// Pure. Spec: DMTF DSP0134 3.4.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "hw/core/smbios_config.h"
#include "util/result.h"

namespace vmm::smbios {

struct Sockets {
    unsigned sockets = 1;
    unsigned cores = 1;      // a socket
    unsigned threads = 1;    // a socket
    uint32_t cpuid_eax = 0;  // leaf 1
    uint32_t cpuid_edx = 0;
};
struct Region {  // RAM as the guest sees it
    uint64_t base;
    uint64_t size;
};
struct Config {
    Settings settings;
    Sockets processors;
    uint64_t ram_size = 0;
    std::vector<Region> regions;
};

struct Image {
    std::vector<uint8_t> tables;
    std::vector<uint8_t> anchor;  // address and checksums 0
};
inline constexpr const char* kTablesFile = "etc/smbios/smbios-tables";
inline constexpr const char* kAnchorFile = "etc/smbios/smbios-anchor";

// Refuses what the entry point that was asked for cannot hold.
Result<Image> build(const Config& config);
// The anchor for tables at this guest-physical address (below 4 GiB for 2.8), summed.
std::vector<uint8_t> placed_anchor(const Image& image, uint64_t tables_gpa);

}  // namespace vmm::smbios
