// Digests by libcrypto or GLib; see digest.h.
#include "util/digest.h"

#include <dlfcn.h>
#include <glib.h>

#include <algorithm>

#include "util/check.h"

namespace vmm {

namespace {

// libcrypto's three calls for one kind of digest.
struct Calls {
    int (*init)(void*) = nullptr;
    int (*update)(void*, const void*, size_t) = nullptr;
    int (*final)(uint8_t*, void*) = nullptr;
    bool there() const { return init != nullptr && update != nullptr && final != nullptr; }
};

struct Library {
    Calls sha256, sha384;
    bool there() const { return sha256.there() && sha384.there(); }
};

template <typename Function>
void find(void* library, const char* name, Function& into) {
    into = reinterpret_cast<Function>(::dlsym(library, name));
}

Calls find_calls(void* library, const std::string& prefix) {
    Calls calls;
    find(library, (prefix + "_Init").c_str(), calls.init);
    find(library, (prefix + "_Update").c_str(), calls.update);
    find(library, (prefix + "_Final").c_str(), calls.final);
    return calls;
}

Library load() {
    for (const char* name : {"libcrypto.so.3", "libcrypto.so.1.1"}) {
        void* library = ::dlopen(name, RTLD_NOW | RTLD_LOCAL);
        if (library == nullptr) continue;
        Library found{find_calls(library, "SHA256"), find_calls(library, "SHA384")};
        if (found.there()) return found;
    }
    return {};
}

// Loaded once, and kept.
const Library& library() {
    static const Library loaded = load();
    return loaded;
}

const Calls& calls(HashKind kind) {
    return kind == HashKind::Sha256 ? library().sha256 : library().sha384;
}

size_t size_of(HashKind kind) {
    return kind == HashKind::Sha256 ? sizeof(Sha256Digest) : sizeof(Sha384Digest);
}

GChecksum* as_checksum(void* state) {
    return static_cast<GChecksum*>(state);
}

template <typename Digest>
Digest digest_of(HashKind kind, std::span<const uint8_t> bytes) {
    Digest digest;
    Hasher hasher(kind);
    hasher.update(bytes);
    hasher.finish(digest);
    return digest;
}

}  // namespace

Hasher::Hasher(HashKind kind) : kind_(kind) {
    if (library().there()) {
        CHECK(calls(kind_).init(context_.data()) == 1, "libcrypto: a digest did not begin");
        return;
    }
    checksum_ = g_checksum_new(kind_ == HashKind::Sha256 ? G_CHECKSUM_SHA256 : G_CHECKSUM_SHA384);
}

Hasher::Hasher(const Hasher& other) : context_(other.context_), kind_(other.kind_) {
    if (other.checksum_ != nullptr) checksum_ = g_checksum_copy(as_checksum(other.checksum_));
}

Hasher::~Hasher() {
    if (checksum_ != nullptr) g_checksum_free(as_checksum(checksum_));
}

void Hasher::update(std::span<const uint8_t> bytes) {
    if (checksum_ != nullptr) {
        g_checksum_update(as_checksum(checksum_), bytes.data(), static_cast<gssize>(bytes.size()));
    } else {
        calls(kind_).update(context_.data(), bytes.data(), bytes.size());
    }
}

void Hasher::finish(std::span<uint8_t> digest) {
    CHECK(digest.size() == size_of(kind_), "a digest of %zu bytes", digest.size());
    if (checksum_ == nullptr) {
        calls(kind_).final(digest.data(), context_.data());
        return;
    }
    gsize size = digest.size();
    g_checksum_get_digest(as_checksum(checksum_), digest.data(), &size);
}

Sha256Digest sha256(std::span<const uint8_t> bytes) {
    return digest_of<Sha256Digest>(HashKind::Sha256, bytes);
}

Sha384Digest sha384(std::span<const uint8_t> bytes) {
    return digest_of<Sha384Digest>(HashKind::Sha384, bytes);
}

// RFC 2104.
Sha256Digest hmac_sha256(std::span<const uint8_t> key, std::span<const uint8_t> bytes) {
    std::array<uint8_t, 64> block{};
    if (key.size() > block.size()) {
        const Sha256Digest shorter = sha256(key);
        std::copy(shorter.begin(), shorter.end(), block.begin());
    } else {
        std::copy(key.begin(), key.end(), block.begin());
    }
    auto padded = [&](uint8_t pad) {
        std::array<uint8_t, 64> out = block;
        for (uint8_t& byte : out)
            byte = static_cast<uint8_t>(byte ^ pad);
        return out;
    };
    Sha256Digest digest;
    Hasher inner(HashKind::Sha256);
    inner.update(padded(0x36));
    inner.update(bytes);
    inner.finish(digest);
    Hasher outer(HashKind::Sha256);
    outer.update(padded(0x5c));
    outer.update(digest);
    outer.finish(digest);
    return digest;
}

std::string_view digest_library() {
    return library().there() ? "libcrypto" : "glib";
}

std::string to_hex(std::span<const uint8_t> bytes) {
    constexpr char kDigits[] = "0123456789abcdef";
    std::string text;
    text.reserve(bytes.size() * 2);
    for (const uint8_t byte : bytes) {
        text += kDigits[byte >> 4];
        text += kDigits[byte & 15];
    }
    return text;
}

std::optional<std::vector<uint8_t>> from_hex(std::string_view text) {
    if (text.size() % 2 != 0) return std::nullopt;
    std::vector<uint8_t> bytes;
    for (size_t i = 0; i < text.size(); i += 2) {
        const int high = g_ascii_xdigit_value(text[i]), low = g_ascii_xdigit_value(text[i + 1]);
        if (high < 0 || low < 0) return std::nullopt;
        bytes.push_back(static_cast<uint8_t>(high << 4 | low));
    }
    return bytes;
}

}  // namespace vmm
