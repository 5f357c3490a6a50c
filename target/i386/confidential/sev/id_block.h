// The ID block of SEV-SNP guests: what the guest owner signed, and the keys and signatures that go with it.
// The secure processor refuses a launch that came to another digest. SEV-SNP firmware ABI, 8.18. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "util/digest.h"
#include "util/result.h"

namespace vmm::sev {

inline constexpr size_t kIdBlockSize = 96, kIdAuthSize = 4096;

struct IdBlock {
    Sha384Digest launch_digest{};
    std::array<uint8_t, 16> family_id{}, image_id{};
    uint32_t version = 1;
    uint32_t guest_svn = 0;
    uint64_t policy = 0;
};

Result<IdBlock> parse_id_block(std::span<const uint8_t> bytes);
std::vector<uint8_t> id_block_bytes(const IdBlock& block);
// The structure's size and algorithms, and that what must be zero is.
Status check_id_auth(std::span<const uint8_t> bytes, bool author_key_enabled);
// As attestation reports show them: SHA-384 of the keys' structures.
struct IdKeyDigests {
    Sha384Digest id_key, author_key;
};
IdKeyDigests id_key_digests(std::span<const uint8_t> id_auth);

}  // namespace vmm::sev
