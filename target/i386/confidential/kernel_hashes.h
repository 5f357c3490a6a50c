// The table by which SEV firmware checks a kernel that comes through fw_cfg: SHA-256 of command line, initrd
// and kernel, measured with the launch (kernel-hashes=on). Layout: edk2,
// OvmfPkg/AmdSev/BlobVerifierLibSevHashes. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace vmm {

// Bytes of the table with its padding.
inline constexpr size_t kKernelHashesSize = 176;

// The command line is hashed with its NUL; an absent initrd is an empty one. The kernel is the file as it is.
std::vector<uint8_t> kernel_hashes(std::span<const uint8_t> kernel, std::span<const uint8_t> initrd,
                                   const std::string& command_line);

}  // namespace vmm
