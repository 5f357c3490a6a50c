// Files and block devices: another descriptor of the same file, for other rights or another caching; see
// file.h and reopen.h.
#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "backends/block/file.h"
#include "backends/block/file_open_priv.h"
#include "backends/block/reopen.h"
#include "util/fd_store.h"

namespace vmm::block {

namespace {

Status check_same(int one, int other, const std::string& path) {
    struct stat first = {}, second = {};
    if (::fstat(one, &first) != 0 || ::fstat(other, &second) != 0)
        return Error::from_errno(errno, "could not ask for the state of '%s'", path.c_str());
    if (first.st_ino == second.st_ino && first.st_dev == second.st_dev) return {};
    return Error::make("'%s' is another file now than the one that is open", path.c_str());
}

}  // namespace

Status FileNode::settle() {
    if (read_only()) return {};
    const int result = flush();
    return result == 0 ? Status()
                       : Error::from_errno(-result, "could not flush '%s'", config_.filename.c_str());
}

Status FileNode::apply(const NodeChange& change) {
    NodeOptions wanted = options();
    if (config_.aio == Aio::Native && !wanted.cache_direct) return needs_direct();
    const int status = ::fcntl(fd_.get(), F_GETFL);
    if (status < 0) return Error::from_errno(errno, "could not ask for the state of '%s'", name().c_str());
    const bool writes = (status & O_ACCMODE) != O_RDONLY;
    // What a set holds is its owner's choice: a descriptor that may also write serves readers.
    const bool other_access = wanted.read_only ? writes && !FdStore::is_set(config_.filename) : !writes;
    if (!other_access && wanted.cache_direct == ((status & O_DIRECT) != 0)) return {};
    wanted.auto_read_only = wanted.auto_read_only && !change.must_write;
    before_.emplace(Before{Fd(), nullptr, status, limits()});
    Status done = exchange_descriptor(std::move(wanted));
    if (!done) undo();
    return done;
}

// The locks are held by both descriptors until one of them goes.
Status FileNode::exchange_descriptor(NodeOptions wanted) {
    Fd fd = TRY(open_image(wanted, config_));
    TRY(check_same(fd.get(), fd_.get(), config_.filename));
    std::unique_ptr<FileLock> lock;
    if (lock_) {
        lock = std::make_unique<FileLock>(fd.get(), config_.filename);
        TRY(lock->take_over(*lock_));
    }
    before_->fd = std::exchange(fd_, std::move(fd));
    before_->lock = std::exchange(lock_, std::move(lock));
    set_access(wanted.read_only);
    if (wanted.cache_direct) return probe_alignment();
    set_limits({});
    enforce_alignment();
    return {};
}

void FileNode::undo() {
    if (!before_) return;
    if (before_->fd) {
        fd_ = std::move(before_->fd);
        lock_ = std::move(before_->lock);
    }
    (void)::fcntl(fd_.get(), F_SETFL, before_->status);
    set_limits(before_->limits);
    enforce_alignment();
    before_.reset();
}

}  // namespace vmm::block
