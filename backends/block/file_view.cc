// Mapped parts of a file in memory; see file_view.h.
#include "backends/block/file_view.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

#include "backends/block/iov.h"
#include "util/align.h"
#include "util/guarded_copy.h"

namespace vmm::block {

std::unique_ptr<FileView> FileView::create() {
    return guard_copies() ? std::make_unique<FileView>() : nullptr;
}

bool FileView::read(int fd, uint64_t file_bytes, uint64_t offset, std::span<const iovec> to) {
    if (some_forgotten_.load(std::memory_order_acquire)) [[unlikely]]
        take_forgotten();
    if (file_bytes != file_bytes_) [[unlikely]]
        resized(file_bytes);
    const uint64_t bytes = iov_bytes(to);
    if (bytes == 0 || offset > file_bytes || bytes > file_bytes - offset) return false;
    const uint64_t last = (offset + bytes - 1) / kPartBytes;
    if (last >= parts_.size() && !make_room(file_bytes)) return false;
    for (uint64_t part = offset / kPartBytes; part <= last; ++part) {
        if (parts_[part] != kMapped && !map_part(fd, part)) return false;
    }
    const uint8_t* from = room_.data() + offset;
    for (const iovec& piece : to) {
        if (!copy_guarded(piece.iov_base, from, piece.iov_len)) [[unlikely]] {
            reset_parts(offset / kPartBytes, last);
            return false;
        }
        from += piece.iov_len;
    }
    return true;
}

// All of the part, also what lies behind the end of the file: the file may grow into it.
bool FileView::map_part(int fd, uint64_t part) {
    if (++parts_[part] < kReadsFirst) return false;
    parts_[part] = 0;
    const uint64_t start = part * kPartBytes, end = std::min(start + kPartBytes, file_bytes_);
    const off_t hole = ::lseek(fd, static_cast<off_t>(start), SEEK_HOLE);
    if (hole < 0 || static_cast<uint64_t>(hole) < end) return false;
    uint8_t* const at = room_.data() + start;
    const void* mapped =
        ::mmap(at, kPartBytes, PROT_READ, MAP_SHARED | MAP_FIXED, fd, static_cast<off_t>(start));
    if (mapped == MAP_FAILED) return false;
    (void)::madvise(at, kPartBytes, MADV_DONTDUMP);
    parts_[part] = kMapped;
    return true;
}

// Addresses for the file and as much again; a file that outgrows them begins anew.
bool FileView::make_room(uint64_t file_bytes) {
    if (no_room_ || file_bytes > kMostBytes) return false;
    const uint64_t bytes = align_up(2 * file_bytes, kPartBytes);
    auto room = MappedRegion::map(bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE);
    if (!room) {
        no_room_ = true;
        return false;
    }
    room_ = std::move(*room);
    parts_.assign(bytes / kPartBytes, 0);
    return true;
}

// What it grew by may be a hole.
void FileView::resized(uint64_t file_bytes) {
    const uint64_t from = std::min(file_bytes, file_bytes_);
    file_bytes_ = file_bytes;
    if (!parts_.empty()) reset_parts(from / kPartBytes, parts_.size() - 1);
}

// The mapping stays until another takes its place: nothing is read through it before.
void FileView::reset_parts(uint64_t first, uint64_t last) {
    for (uint64_t part = first; part <= last && part < parts_.size(); ++part)
        parts_[part] = 0;
}

void FileView::forget(uint64_t offset, uint64_t bytes) {
    if (bytes == 0) return;
    Locked lock(mutex_);
    forgotten_.first = std::min(forgotten_.first, offset);
    forgotten_.last = std::max(forgotten_.last, offset + (bytes - 1));
    some_forgotten_.store(true, std::memory_order_release);
}

void FileView::take_forgotten() {
    Locked lock(mutex_);
    some_forgotten_.store(false, std::memory_order_relaxed);
    reset_parts(forgotten_.first / kPartBytes, forgotten_.last / kPartBytes);
    forgotten_ = {};
}

uint64_t FileView::mapped_bytes() const {
    return kPartBytes * static_cast<uint64_t>(std::count(parts_.begin(), parts_.end(), kMapped));
}

}  // namespace vmm::block
