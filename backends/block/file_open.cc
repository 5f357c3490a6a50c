// Files and block devices: opening, sizes, locks, holes; see file.h.
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>

#include "backends/block/file_open_priv.h"
#include "util/align.h"
#include "util/fd_store.h"
#include "util/mmap.h"

namespace vmm::block {

namespace {

constexpr uint32_t kLargestBlock = 4096;

Error cannot_open(const std::string& path, int number) {
    return Error::from_errno(number, "Could not open '%s'", path.c_str());
}

// A copy of a descriptor in a set. Its file description is the set's, so O_DIRECT is switched for all who use
// it.
Result<Fd> open_kept(NodeOptions& options, const std::string& path, const FdStore& store) {
    Result<std::optional<Fd>> kept = store.open_path(path, options.read_only ? O_RDONLY : O_RDWR);
    if (!kept && !options.read_only && options.auto_read_only) {
        kept = store.open_path(path, O_RDONLY);
        if (kept) options.read_only = true;
    }
    if (!kept) return std::move(kept).take_error();
    Fd fd = *std::move(*kept);
    const int now = ::fcntl(fd.get(), F_GETFL);
    const int wanted = options.cache_direct ? now | O_DIRECT : now & ~O_DIRECT;
    if (now < 0 || (wanted != now && ::fcntl(fd.get(), F_SETFL, wanted) < 0))
        return Error::from_errno(errno, "Could not open '%s' with cache.direct=%s", path.c_str(),
                                 options.cache_direct ? "on" : "off");
    return fd;
}

}  // namespace

Error needs_direct() {
    return Error::make("aio=native was specified, but it requires cache.direct=on, which was not specified.");
}

Result<Fd> open_image(NodeOptions& options, const FileConfig& config) {
    const std::string& path = config.filename;
    if (config.descriptors != nullptr && FdStore::is_set(path))
        return open_kept(options, path, *config.descriptors);
    int flags = options.cache_direct ? O_DIRECT : 0;
    // A FIFO or a terminal must not hold us up.
    auto attempt = [&](int access) {
        int fd;
        do {
            fd = ::open(path.c_str(), flags | access | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        } while (fd < 0 && errno == EINTR);
        return Fd(fd);
    };
    Fd fd = attempt(options.read_only ? O_RDONLY : O_RDWR);
    if (!fd && !options.read_only && options.auto_read_only &&
        (errno == EACCES || errno == EROFS || errno == EPERM)) {
        options.read_only = true;
        fd = attempt(O_RDONLY);
    }
    if (fd) return fd;
    int number = errno;
    if (number == EINVAL && options.cache_direct)
        return Error::make("Could not open '%s': its file system does not support O_DIRECT", path.c_str())
            .with_hint("cache.direct=off uses the page cache");
    return cannot_open(path, number);
}

namespace {

Status check_kind(int fd, const FileConfig& config) {
    struct stat is = {};
    if (::fstat(fd, &is) != 0) return cannot_open(config.filename, errno);
    if (config.device) {
        if (S_ISBLK(is.st_mode) || S_ISCHR(is.st_mode)) return {};
        return Error::make("'host_device' driver requires '%s' to be either a character or block device",
                           config.filename.c_str());
    }
    if (S_ISREG(is.st_mode)) return {};
    return Error::make("'file' driver requires '%s' to be a regular file", config.filename.c_str());
}

Result<uint64_t> size_of(int fd, const FileConfig& config) {
    uint64_t bytes = 0;
    if (config.device && ::ioctl(fd, BLKGETSIZE64, &bytes) == 0) return bytes;
    off_t end = ::lseek(fd, 0, SEEK_END);
    if (end < 0) return cannot_open(config.filename, errno);
    return static_cast<uint64_t>(end);
}

}  // namespace

Result<std::unique_ptr<FileNode>> FileNode::create(NodeOptions options, IoContext& context,
                                                   const FileConfig& config) {
    if (config.filename.empty())
        return Error::make("The '%s' driver requires a filename", config.device ? "host_device" : "file");
    if (config.aio == Aio::Native && !options.cache_direct) return needs_direct();
    if (config.aio == Aio::IoUring && context.uring() == nullptr)
        return Error::make("aio=io_uring was specified, but the kernel refuses io_uring")
            .with_hint("aio=threads works everywhere");
    NodeOptions possible = options;
    Fd fd = TRY(open_image(possible, config));
    TRY(check_kind(fd.get(), config));
    auto node = std::make_unique<FileNode>(Token(), std::move(options), context, config, std::move(fd));
    node->set_access(possible.read_only);
    TRY(node->set_up());
    return node;
}

FileNode::FileNode(Token, NodeOptions options, IoContext& context, const FileConfig& config, Fd fd)
    : Node(std::move(options), context),
      config_(config),
      fd_(std::move(fd)),
      use_ring_(config.aio != Aio::Threads) {}

Status FileNode::set_up() {
    set_size(TRY(size_of(fd_.get(), config_)));
    bool lockable = FileLock::possible(fd_.get());
    if (config_.locking.value_or(false) && !lockable)
        return Error::make("locking=on: the file system of '%s' has no such locks", config_.filename.c_str());
    if (config_.locking.value_or(lockable) && lockable && !config_.device && !options().force_share)
        lock_ = std::make_unique<FileLock>(fd_.get(), config_.filename);
    NodeCapabilities capabilities;
    capabilities.discard = capabilities.write_zeroes = capabilities.fua = true;
    set_capabilities(capabilities);
    struct statfs system = {};
    in_memory_ = !config_.device && ::fstatfs(fd_.get(), &system) == 0 &&
                 (system.f_type == TMPFS_MAGIC || system.f_type == RAMFS_MAGIC);
    if (in_memory_) view_ = FileView::create();
    if (options().cache_direct) return probe_alignment();
    return {};
}

// Asks by trying: reads that are too small or to odd addresses fail with EINVAL.
Status FileNode::probe_alignment() {
    auto memory = TRY(MappedRegion::map_aligned(3 * kLargestBlock, kLargestBlock, PROT_READ | PROT_WRITE,
                                                MAP_PRIVATE | MAP_ANONYMOUS));
    auto readable = [&](size_t skip, size_t bytes) {
        ssize_t got;
        do {
            got = ::pread(fd_.get(), memory.data() + skip, bytes, 0);
        } while (got < 0 && errno == EINTR);
        return got >= 0 || errno != EINVAL;
    };
    NodeLimits limits;
    limits.request_alignment = limits.memory_alignment = kLargestBlock;
    int logical = 0;
    if (config_.device && ::ioctl(fd_.get(), BLKSSZGET, &logical) == 0 && logical >= 512)
        limits.request_alignment = static_cast<uint32_t>(logical);
    for (uint32_t block = kLargestBlock; block >= 512; block /= 2) {
        if (!config_.device && readable(0, block)) limits.request_alignment = block;
        if (readable(block, kLargestBlock)) limits.memory_alignment = block;
    }
    set_limits(limits);
    enforce_alignment();
    return {};
}

Status FileNode::permissions_changed(Permissions wanted) {
    return lock_ ? lock_->change(wanted) : Status();
}

Result<Extent> FileNode::extent(uint64_t offset, uint64_t bytes) {
    Extent here = TRY(Node::extent(offset, bytes));
    off_t at = static_cast<off_t>(offset);
    off_t data = ::lseek(fd_.get(), at, SEEK_DATA);
    if (data < 0) {
        if (errno == ENXIO) here.kind = Extent::Kind::Zero;  // nothing but a hole to the end
        return here;                                         // else: holes cannot be asked for
    }
    if (data > at) {
        here.kind = Extent::Kind::Zero;
        here.bytes = std::min(here.bytes, static_cast<uint64_t>(data - at));
        return here;
    }
    off_t hole = ::lseek(fd_.get(), at, SEEK_HOLE);
    if (hole > at) here.bytes = std::min(here.bytes, static_cast<uint64_t>(hole - at));
    return here;
}

Status FileNode::truncate(uint64_t size) {
    if (config_.device) {
        uint64_t now = TRY(size_of(fd_.get(), config_));
        if (size > now) return Error::make("Cannot grow device files");
        set_size(now);
        return {};
    }
    if (read_only()) return Error::from_errno(EACCES, "Cannot resize '%s'", config_.filename.c_str());
    if (::ftruncate(fd_.get(), static_cast<off_t>(size)) != 0)
        return Error::from_errno(errno, "Failed to resize '%s'", config_.filename.c_str());
    if (view_) view_->forget(size, UINT64_MAX - size);
    set_size(size);
    return {};
}

std::optional<uint64_t> FileNode::allocated_bytes() const {
    struct stat is = {};
    if (::fstat(fd_.get(), &is) != 0) return std::nullopt;
    return static_cast<uint64_t>(is.st_blocks) * 512;
}

}  // namespace vmm::block
