// What format an image has, by its first bytes: only formats that this program has, or must not take for raw.
// Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace vmm::block {

inline constexpr size_t kProbeBytes = 512;

// The driver's name: "qcow2", one this program does not have ("vmdk", "vdi", "vhdx", "vpc", "luks",
// "qed"...), or "raw".
std::string_view probe_format(std::span<const uint8_t> first_bytes);

}  // namespace vmm::block
