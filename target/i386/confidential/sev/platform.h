// What the host's secure processor is: its version, keys and ids (query-sev-capabilities). Main thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "target/i386/confidential/sev/commands.h"

namespace vmm::sev {

struct PlatformVersion {
    uint8_t api_major = 0, api_minor = 0, build = 0;
};

struct HostPlatform {
    std::vector<uint8_t> pdh, certificates, cpu0_id;
    uint32_t cbitpos = 0;
};
// Asks the device; errors say what the host lacks. cbitpos: host_cbit()'s.
Result<HostPlatform> read_platform(IoctlDoor& door, const std::string& device,
                                   std::optional<uint32_t> cbitpos);

// The bit of physical addresses that marks encrypted pages here; empty without SEV.
std::optional<uint32_t> host_cbit();

// The guest's: the host's, which the user may name but not change.
Result<uint32_t> check_cbit(const std::string& id, std::optional<uint32_t> wanted,
                            std::optional<uint32_t> of_host);

}  // namespace vmm::sev
