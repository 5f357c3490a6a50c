// Residency queries; see host_pages_priv.h. cachestat has no wrapper in this C library; its structures are
// part of the kernel's ABI (Linux 6.5).
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "system/memory/host_pages_priv.h"
#include "util/align.h"

namespace vmm {

namespace {

constexpr long kCachestat = 451;  // on every architecture
struct CachestatRange {
    uint64_t offset;
    uint64_t length;
};
struct Cachestat {
    uint64_t cached;
    uint64_t dirty;
    uint64_t writeback;
    uint64_t evicted;
    uint64_t recently_evicted;
};

}  // namespace

std::optional<uint64_t> resident_in_file(int fd, uint64_t offset, uint64_t size) {
    CachestatRange range{offset, size};
    Cachestat answer{};
    if (::syscall(kCachestat, fd, &range, &answer, 0) != 0) return std::nullopt;
    return answer.cached * kPageSize;
}

std::optional<uint64_t> resident_in_mapping(uint8_t* at, uint64_t size) {
    std::array<unsigned char, 4096> pages;
    uint64_t found = 0;
    for (uint64_t done = 0; done < size;) {
        uint64_t part = std::min<uint64_t>(size - done, pages.size() * kPageSize);
        if (::mincore(at + done, part, pages.data()) != 0) return std::nullopt;
        auto end = pages.begin() + static_cast<long>(part / kPageSize);
        found += static_cast<uint64_t>(
            std::count_if(pages.begin(), end, [](unsigned char page) { return (page & 1) != 0; }));
        done += part;
    }
    return found * kPageSize;
}

}  // namespace vmm
