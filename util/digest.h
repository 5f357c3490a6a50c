// Digests and keyed digests: SHA-256 and SHA-384 for measurements, HMAC-SHA-256 for SEV's. The work is done
// by OpenSSL's libcrypto, which is loaded when the first digest is made, so that programs that make none do
// not pay for it; without it GLib's slower code does the same. Thread-safe apart from one Hasher.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace vmm {

using Sha256Digest = std::array<uint8_t, 32>;
using Sha384Digest = std::array<uint8_t, 48>;

enum class HashKind : uint8_t { Sha256, Sha384 };

// One digest in the making; may be copied to look at an intermediate state.
class Hasher {
  public:
    explicit Hasher(HashKind kind);
    Hasher(const Hasher& other);
    Hasher& operator=(const Hasher&) = delete;
    ~Hasher();

    void update(std::span<const uint8_t> bytes);
    // Ends it: 32 or 48 bytes. The hasher is of no use afterwards.
    void finish(std::span<uint8_t> digest);

  private:
    static constexpr size_t kContextSize = 256;  // at least what SHA512_CTX takes
    alignas(16) std::array<uint8_t, kContextSize> context_{};
    void* checksum_ = nullptr;  // GLib's, when there is no libcrypto
    const HashKind kind_;
};

Sha256Digest sha256(std::span<const uint8_t> bytes);
Sha384Digest sha384(std::span<const uint8_t> bytes);
Sha256Digest hmac_sha256(std::span<const uint8_t> key, std::span<const uint8_t> bytes);

// "libcrypto" or "glib": whose code makes the digests here.
std::string_view digest_library();

// Lower case, two digits a byte.
std::string to_hex(std::span<const uint8_t> bytes);
// Pairs of digits in either case and nothing else; empty: it is something else.
std::optional<std::vector<uint8_t>> from_hex(std::string_view text);

}  // namespace vmm
