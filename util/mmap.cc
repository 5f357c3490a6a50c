// Owned mappings; see mmap.h.
#include "util/mmap.h"

#include <sys/mman.h>

#include <bit>
#include <cerrno>

#include "util/align.h"

namespace vmm {

void MappedRegion::reset() {
    if (data_ != nullptr) ::munmap(data_, size_);
    data_ = nullptr;
    size_ = 0;
}

Result<MappedRegion> MappedRegion::map(size_t size, int protection, int flags, int fd, uint64_t offset) {
    void* at = ::mmap(nullptr, size, protection, flags, fd, static_cast<off_t>(offset));
    if (at == MAP_FAILED) return Error::from_errno(errno, "mmap of %zu bytes", size);
    return MappedRegion(static_cast<uint8_t*>(at), size);
}

Status MappedRegion::replace(int protection, int flags, int fd, uint64_t offset) {
    CHECK(data_ != nullptr, "replacing a mapping that is not there");
    void* at = ::mmap(data_, size_, protection, flags | MAP_FIXED, fd, static_cast<off_t>(offset));
    if (at == MAP_FAILED) return Error::from_errno(errno, "mmap of %zu bytes", size_);
    return {};
}

Result<MappedRegion> MappedRegion::map_aligned(size_t size, size_t alignment, int protection, int flags,
                                               int fd, uint64_t offset) {
    CHECK(is_power_of_two(alignment) && alignment >= kPageSize, "alignment %zu", alignment);
    if (alignment == kPageSize) return map(size, protection, flags, fd, offset);
    std::optional<size_t> reserve = checked_add<size_t>(size, alignment);
    if (!reserve) return Error::make("mmap of %zu bytes: too large", size);
    void* room = ::mmap(nullptr, *reserve, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (room == MAP_FAILED) return Error::from_errno(errno, "mmap of %zu bytes", *reserve);
    auto* base = static_cast<uint8_t*>(room);
    size_t skip = align_up(std::bit_cast<uintptr_t>(base), alignment) - std::bit_cast<uintptr_t>(base);
    void* at = ::mmap(base + skip, size, protection, flags | MAP_FIXED, fd, static_cast<off_t>(offset));
    if (at == MAP_FAILED) {
        int number = errno;
        ::munmap(room, *reserve);
        return Error::from_errno(number, "mmap of %zu bytes", size);
    }
    size_t used = align_up(size, kPageSize);
    if (skip > 0) ::munmap(base, skip);
    if (*reserve - skip > used) ::munmap(base + skip + used, *reserve - skip - used);
    return MappedRegion(static_cast<uint8_t*>(at), size);
}

}  // namespace vmm
