// Digests by GLib; see digest.h.
#include "util/digest.h"

#include <algorithm>

namespace vmm {

namespace {
GChecksumType glib_kind(Digest::Kind kind) {
    switch (kind) {
        case Digest::Kind::Sha1:
            return G_CHECKSUM_SHA1;
        case Digest::Kind::Sha256:
            return G_CHECKSUM_SHA256;
        case Digest::Kind::Sha384:
            break;
    }
    return G_CHECKSUM_SHA384;
}
}  // namespace

Digest::Digest(Kind kind) : kind_(kind), state_(g_checksum_new(glib_kind(kind))) {}

Digest& Digest::add(std::span<const uint8_t> bytes) {
    constexpr size_t kMostAtOnce = size_t{1} << 30;  // GLib counts in a signed type
    while (!bytes.empty()) {
        size_t n = std::min(bytes.size(), kMostAtOnce);
        g_checksum_update(state_.get(), bytes.data(), static_cast<gssize>(n));
        bytes = bytes.subspan(n);
    }
    return *this;
}

std::vector<uint8_t> Digest::finish() {
    gsize length = static_cast<gsize>(g_checksum_type_get_length(glib_kind(kind_)));
    std::vector<uint8_t> out(length);
    g_checksum_get_digest(state_.get(), out.data(), &length);
    return out;
}

std::vector<uint8_t> Digest::of(Kind kind, std::span<const uint8_t> bytes) {
    return Digest(kind).add(bytes).finish();
}

}  // namespace vmm
