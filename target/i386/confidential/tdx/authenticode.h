// The Authenticode digest of a PE image, which firmware measures when it starts one (Windows Authenticode
// Portable Executable Signature Format 1.0): everything but the checksum, the certificate table and its
// entry. The image may be anything: a kernel a user names. Pure.
#pragma once

#include <cstdint>
#include <span>

#include "util/digest.h"
#include "util/result.h"

namespace vmm::tdx {

Result<Sha384Digest> authenticode_digest(std::span<const uint8_t> image);

}  // namespace vmm::tdx
