// The ID block; see id_block.h.
#include "target/i386/confidential/sev/id_block.h"

#include <algorithm>

#include "util/endian.h"

namespace vmm::sev {

namespace {

// Offsets and sizes in the authentication structure.
constexpr size_t kReserved1 = 0x8, kSignature = 0x40, kIdKey = 0x240, kReserved2 = 0x644,
                 kKeySignature = 0x680, kAuthorKey = 0x880, kReserved3 = 0xc84, kKeySize = 0x404;
constexpr uint32_t kEcdsaP384Sha384 = 1;

struct RawBlock {
    Sha384Digest launch_digest;
    std::array<uint8_t, 16> family_id, image_id;
    Le32 version, guest_svn;
    Le64 policy;
};
static_assert(sizeof(RawBlock) == kIdBlockSize);

bool all_zero(std::span<const uint8_t> bytes) {
    return std::all_of(bytes.begin(), bytes.end(), [](uint8_t b) { return b == 0; });
}

}  // namespace

Result<IdBlock> parse_id_block(std::span<const uint8_t> bytes) {
    if (bytes.size() != kIdBlockSize)
        return Error::make("id-block has %zu bytes, expected %zu", bytes.size(), kIdBlockSize);
    RawBlock raw;
    std::copy(bytes.begin(), bytes.end(), writable_bytes_of(raw).begin());
    if (raw.version != 1) return Error::make("id-block has version %u, expected 1", uint32_t{raw.version});
    return IdBlock{raw.launch_digest, raw.family_id, raw.image_id, raw.version, raw.guest_svn, raw.policy};
}

std::vector<uint8_t> id_block_bytes(const IdBlock& block) {
    RawBlock raw{};
    raw.launch_digest = block.launch_digest;
    raw.family_id = block.family_id;
    raw.image_id = block.image_id;
    raw.version = block.version;
    raw.guest_svn = block.guest_svn;
    raw.policy = block.policy;
    const auto bytes = bytes_of(raw);
    return {bytes.begin(), bytes.end()};
}

Status check_id_auth(std::span<const uint8_t> bytes, bool author_key_enabled) {
    if (bytes.size() != kIdAuthSize)
        return Error::make("id-auth has %zu bytes, expected %zu", bytes.size(), kIdAuthSize);
    const auto id_algorithm = load_le<uint32_t>(bytes.data()),
               author_algorithm = load_le<uint32_t>(bytes.data() + 4);
    if (id_algorithm != kEcdsaP384Sha384)
        return Error::make("id-auth names key algorithm %u, expected 1 (ECDSA P-384 with SHA-384)",
                           id_algorithm);
    if (author_key_enabled && author_algorithm != kEcdsaP384Sha384)
        return Error::make("id-auth names author key algorithm %u, expected 1 (ECDSA P-384 with SHA-384)",
                           author_algorithm);
    const bool clean = all_zero(bytes.subspan(kReserved1, kSignature - kReserved1)) &&
                       all_zero(bytes.subspan(kReserved2, kKeySignature - kReserved2)) &&
                       all_zero(bytes.subspan(kReserved3));
    if (!clean) return Error::make("id-auth has data where zeros must be");
    return {};
}

IdKeyDigests id_key_digests(std::span<const uint8_t> id_auth) {
    return {sha384(id_auth.subspan(kIdKey, kKeySize)), sha384(id_auth.subspan(kAuthorKey, kKeySize))};
}

}  // namespace vmm::sev
