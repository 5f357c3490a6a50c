// Files and block devices: the requests; see file.h. file_open.cc has the rest.
#include "backends/block/file.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "backends/block/iov.h"
#include "util/align.h"
#include "util/mmap.h"

namespace vmm::block {

namespace {

constexpr uint64_t kBounceBytes = kMiB;
// One call of the kernel moves at most 2 GiB less a page.
constexpr uint64_t kMostAtOnce = kGiB;
// What the loop's own thread copies.
constexpr uint64_t kMostInLine = 64 * kKiB;

bool not_there(int number) {
    return number == EOPNOTSUPP || number == ENOSYS || number == ENOTTY || number == EINVAL;
}

template <typename F>
int repeat_on_eintr(F call) {
    for (;;) {
        auto got = call();
        if (got >= 0) return 0;
        if (errno != EINTR) return -errno;
    }
}

// What has no vector for the kernel to fetch and judge is done sooner.
ssize_t move_piece(int fd, bool write, const iovec& piece, off_t at) {
    return write ? ::pwrite(fd, piece.iov_base, piece.iov_len, at)
                 : ::pread(fd, piece.iov_base, piece.iov_len, at);
}

}  // namespace

FileNode::~FileNode() = default;

// ---- the ring ----

bool FileNode::ring_takes(const Request& request) const {
    if (!use_ring_ || !ring_works_.load(std::memory_order_relaxed)) return false;
    if (request.op == Op::Flush) return true;
    if (request.op != Op::Read && request.op != Op::Write) return false;
    return request.iov.size() <= IOV_MAX && request.bytes <= kMostAtOnce &&
           (limits().memory_alignment <= 1 || iov_is_aligned(request.iov, limits().memory_alignment));
}

bool FileNode::queue(Uring& ring, Request& request) {
    switch (request.op) {
        case Op::Read:
            return ring.read(*this, fd_.get(), request);
        case Op::Write:
            return ring.write(*this, fd_.get(), request, (request.flags & kFua) != 0);
        default:
            return lost_.load() == 0 && ring.sync_data(*this, fd_.get(), request);
    }
}

// A copy that is done before anybody else could be asked to do it.
bool FileNode::done_at_once(const Request& request) const {
    return in_memory_ && (request.op == Op::Read || request.op == Op::Write) && request.bytes <= kMostInLine;
}

bool FileNode::read_from_view(const Request& request) {
    return view_ && request.op == Op::Read && limits().memory_alignment <= 1 &&
           view_->read(fd_.get(), size(), request.offset, request.iov);
}

void FileNode::do_submit(Request& request) {
    if (done_at_once(request)) return finish(request, read_from_view(request) ? 0 : transfer(request));
    Uring* ring = context().uring();
    if (ring == nullptr || !ring_takes(request) || !queue(*ring, request)) Node::do_submit(request);
}

void FileNode::ring_done(Request& request, int result) {
    if (request.op == Op::Flush) {
        if (result < 0 && !not_there(-result) && result != -EINTR) lost_.store(-result);
        if (result == 0 || lost_.load() != 0) return finish(request, result);
    } else if (result >= 0 && static_cast<uint64_t>(result) == request.bytes) {
        if (request.op == Op::Write) grow_size(request.offset + request.bytes);
        return finish(request, 0);
    }
    // Short (the end of the file, a signal), or not to the ring's taste: the whole of it again, by a worker.
    bool again = result >= 0 || result == -EINTR || result == -EAGAIN || not_there(-result);
    if (!again) return finish(request, result);
    if (result == -EOPNOTSUPP || result == -ENOSYS) ring_works_.store(false);
    Node::do_submit(request);
}

// ---- blocking ----

int FileNode::do_perform(Request& request) {
    switch (request.op) {
        case Op::Read:
        case Op::Write:
            return transfer(request);
        case Op::Flush:
            return flush();
        case Op::Discard:
            return with_holes(request, discard(request));
        case Op::WriteZeroes: {
            int result = with_holes(request, write_zeroes(request));
            return result == 0 && (request.flags & kFua) != 0 ? flush() : result;
        }
    }
    UNREACHABLE();
}

// Behind what may have made some.
int FileNode::with_holes(const Request& request, int result) {
    if (view_) view_->forget(request.offset, request.bytes);
    return result;
}

int FileNode::transfer(const Request& request) {
    if (limits().memory_alignment > 1 && !iov_is_aligned(request.iov, limits().memory_alignment))
        return transfer_bounced(request);
    return transfer_part(request.op == Op::Write, request.iov, request.offset, request.bytes,
                         (request.flags & kFua) != 0);
}

// O_DIRECT wants aligned memory: through a buffer of ours, piece by piece.
int FileNode::transfer_bounced(const Request& request) {
    size_t size = std::min(kBounceBytes, align_up(request.bytes, kPageSize));
    auto bounce = MappedRegion::map_aligned(size, std::max<uint64_t>(kPageSize, limits().memory_alignment),
                                            PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
    if (!bounce) return -ENOMEM;
    bool write = request.op == Op::Write;
    for (uint64_t done = 0; done < request.bytes;) {
        uint64_t now = std::min<uint64_t>(size, request.bytes - done);
        std::span<uint8_t> piece = bounce->bytes().first(now);
        if (write) (void)iov_gather(request.iov, done, piece);
        iovec part = {piece.data(), now};
        int result =
            transfer_part(write, {&part, 1}, request.offset + done, now, (request.flags & kFua) != 0);
        if (result != 0) return result;
        if (!write) (void)iov_scatter(request.iov, done, piece);
        done += now;
    }
    return 0;
}

// Repeats until everything is moved; what lies behind the end of the file reads as zeroes.
int FileNode::transfer_part(bool write, std::span<const iovec> iov, uint64_t offset, uint64_t bytes,
                            bool fua) {
    std::vector<iovec> rest;
    for (uint64_t done = 0; done < bytes;) {
        std::span<const iovec> now = iov;
        if (done > 0 || iov.size() > IOV_MAX || bytes > kMostAtOnce) {
            rest.clear();
            iov_slice(iov, done, std::min(bytes - done, kMostAtOnce), rest);
            now = std::span<const iovec>(rest).first(std::min<size_t>(rest.size(), IOV_MAX));
        }
        int count = static_cast<int>(now.size());
        off_t at = static_cast<off_t>(offset + done);
        const ssize_t moved = count == 1 && !fua ? move_piece(fd_.get(), write, now[0], at)
                              : write ? ::pwritev2(fd_.get(), now.data(), count, at, fua ? RWF_DSYNC : 0)
                                      : ::preadv(fd_.get(), now.data(), count, at);
        if (moved < 0) {
            if (errno == EINTR) continue;
            if (!(write && fua && not_there(errno))) return -errno;
            int plain = transfer_part(true, iov, offset, bytes, false);
            return plain == 0 ? flush() : plain;
        }
        if (moved == 0) {
            if (write) return -ENOSPC;
            iov_clear(iov, done);
            return 0;
        }
        done += static_cast<uint64_t>(moved);
    }
    if (write) grow_size(offset + bytes);
    return 0;
}

int FileNode::flush() {
    if (int number = lost_.load(); number != 0) return -number;
    int result = repeat_on_eintr([this] { return ::fdatasync(fd_.get()); });
    if (result != 0) lost_.store(-result);
    return result;
}

int FileNode::discard(const Request& request) {
    if (!can_discard_.load(std::memory_order_relaxed)) return 0;
    int result;
    if (config_.device) {
        uint64_t range[2] = {request.offset, request.bytes};
        result = repeat_on_eintr([&] { return ::ioctl(fd_.get(), BLKDISCARD, range); });
    } else {
        result = repeat_on_eintr([&] {
            return ::fallocate(fd_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                               static_cast<off_t>(request.offset), static_cast<off_t>(request.bytes));
        });
    }
    if (result < 0 && not_there(-result)) {
        if (result != -EINVAL) can_discard_.store(false);
        return 0;
    }
    return result;
}

int FileNode::write_zeroes(const Request& request) {
    uint64_t end = request.offset + request.bytes;
    auto allocate = [&](int mode) {
        return repeat_on_eintr([&] {
            return ::fallocate(fd_.get(), mode, static_cast<off_t>(request.offset),
                               static_cast<off_t>(request.bytes));
        });
    };
    bool inside = end <= size();
    if (inside && (request.flags & kMayUnmap) != 0 && can_punch_.load(std::memory_order_relaxed)) {
        int result = allocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE);
        if (result == 0 || !not_there(-result)) return result;
        if (result != -EINVAL) can_punch_.store(false);
    }
    if (can_zero_.load(std::memory_order_relaxed)) {
        int result = allocate(FALLOC_FL_ZERO_RANGE);
        if (result == 0) grow_size(end);
        if (result == 0 || !not_there(-result)) return result;
        if (result != -EINVAL) can_zero_.store(false);
    }
    if ((request.flags & kNoFallback) != 0) return -ENOTSUP;
    return write_zero_buffers(request.offset, request.bytes);
}

int FileNode::write_zero_buffers(uint64_t offset, uint64_t bytes) {
    auto zeroes = MappedRegion::map_aligned(std::min(kBounceBytes, align_up(bytes, kPageSize)),
                                            std::max<uint64_t>(kPageSize, limits().memory_alignment),
                                            PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
    if (!zeroes) return -ENOMEM;
    for (uint64_t done = 0; done < bytes;) {
        iovec part = {zeroes->data(), std::min<uint64_t>(zeroes->size(), bytes - done)};
        if (int result = transfer_part(true, {&part, 1}, offset + done, part.iov_len, false); result != 0)
            return result;
        done += part.iov_len;
    }
    return 0;
}

}  // namespace vmm::block
