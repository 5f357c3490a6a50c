// Walks over I/O vectors; see iov.h.
#include "backends/block/iov.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace vmm::block {

namespace {

// Calls each(pointer, length) for the parts of [skip, skip + bytes).
template <typename F>
uint64_t walk(std::span<const iovec> iov, uint64_t skip, uint64_t bytes, F each) {
    uint64_t done = 0;
    for (const iovec& part : iov) {
        if (done == bytes) break;
        if (skip >= part.iov_len) {
            skip -= part.iov_len;
            continue;
        }
        size_t length = std::min<uint64_t>(part.iov_len - skip, bytes - done);
        each(static_cast<uint8_t*>(part.iov_base) + skip, length);
        done += length;
        skip = 0;
    }
    return done;
}

}  // namespace

uint64_t iov_bytes(std::span<const iovec> iov) {
    uint64_t sum = 0;
    for (const iovec& part : iov)
        sum += part.iov_len;
    return sum;
}

size_t iov_gather(std::span<const iovec> iov, uint64_t skip, std::span<uint8_t> into) {
    uint8_t* at = into.data();
    return walk(iov, skip, into.size(), [&](const uint8_t* part, size_t length) {
        std::memcpy(at, part, length);
        at += length;
    });
}

size_t iov_scatter(std::span<const iovec> iov, uint64_t skip, std::span<const uint8_t> from) {
    const uint8_t* at = from.data();
    return walk(iov, skip, from.size(), [&](uint8_t* part, size_t length) {
        std::memcpy(part, at, length);
        at += length;
    });
}

void iov_clear(std::span<const iovec> iov, uint64_t skip) {
    (void)walk(iov, skip, UINT64_MAX, [](uint8_t* part, size_t length) { std::memset(part, 0, length); });
}

bool is_zero(std::span<const uint8_t> bytes) {
    // The first 16 bytes decide almost always; the rest is compared with itself, shifted.
    size_t head = std::min<size_t>(bytes.size(), 16);
    for (size_t i = 0; i < head; ++i) {
        if (bytes[i] != 0) return false;
    }
    return bytes.size() <= 16 || std::memcmp(bytes.data(), bytes.data() + 16, bytes.size() - 16) == 0;
}

bool iov_is_zero(std::span<const iovec> iov) {
    return std::all_of(iov.begin(), iov.end(), [](const iovec& part) {
        return is_zero({static_cast<const uint8_t*>(part.iov_base), part.iov_len});
    });
}

bool iov_is_aligned(std::span<const iovec> iov, uint32_t alignment) {
    return std::all_of(iov.begin(), iov.end(), [alignment](const iovec& part) {
        return ((std::bit_cast<uintptr_t>(part.iov_base) | part.iov_len) & (alignment - 1)) == 0;
    });
}

void iov_slice(std::span<const iovec> iov, uint64_t skip, uint64_t bytes, std::vector<iovec>& into) {
    (void)walk(iov, skip, bytes, [&](uint8_t* part, size_t length) { into.push_back({part, length}); });
}

}  // namespace vmm::block
