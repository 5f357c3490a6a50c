// Locks on image files; see file_lock.h.
#include "backends/block/file_lock.h"

#include <fcntl.h>

#include <cerrno>

namespace vmm::block {

namespace {

constexpr off_t kUsedBase = 100;
constexpr off_t kDeniedBase = 200;
constexpr unsigned kPermissions = 4;
constexpr const char* kNames[kPermissions] = {"consistent read", "write", "write unchanged", "resize"};

struct flock one_byte(short type, off_t at) {
    struct flock lock = {};
    lock.l_type = type;
    lock.l_whence = SEEK_SET;
    lock.l_start = at;
    lock.l_len = 1;
    return lock;
}

// 0 or -errno.
int set_lock(int fd, short type, off_t at) {
    struct flock lock = one_byte(type, at);
    return ::fcntl(fd, F_OFD_SETLK, &lock) == 0 ? 0 : -errno;
}

// Who may not ask cannot know: that counts as held.
bool others_hold(int fd, off_t at) {
    struct flock lock = one_byte(F_WRLCK, at);
    return ::fcntl(fd, F_OFD_GETLK, &lock) != 0 || lock.l_type != F_UNLCK;
}

bool has(uint8_t permissions, unsigned bit) {
    return (permissions >> bit & 1) != 0;
}

// Locks the bytes in `want` that are not in `have`; 0 or -errno.
int add_locks(int fd, off_t base, uint8_t have, uint8_t want) {
    for (unsigned bit = 0; bit < kPermissions; ++bit) {
        if (!has(want, bit) || has(have, bit)) continue;
        if (int result = set_lock(fd, F_RDLCK, base + bit); result != 0) return result;
    }
    return 0;
}

// Unlocks those in `have` that are not in `want`.
void drop_locks(int fd, off_t base, uint8_t have, uint8_t want) {
    for (unsigned bit = 0; bit < kPermissions; ++bit) {
        if (has(have, bit) && !has(want, bit)) (void)set_lock(fd, F_UNLCK, base + bit);
    }
}

uint8_t denied(Permissions permissions) {
    return static_cast<uint8_t>(kPermAll & ~permissions.shared);
}

}  // namespace

bool FileLock::possible(int fd) {
    struct flock lock = one_byte(F_WRLCK, kUsedBase);
    return ::fcntl(fd, F_OFD_GETLK, &lock) == 0;
}

// What is held already was free of others when it was taken, and others have seen it since.
Status FileLock::check_others(Permissions wanted) const {
    for (unsigned bit = 0; bit < kPermissions; ++bit) {
        if (has(wanted.used, bit) && !has(held_.used, bit) && others_hold(fd_, kDeniedBase + bit))
            return Error::make("Failed to get \"%s\" lock", kNames[bit])
                .with_hint("Is another process using the image [%s]?", path_.c_str());
        if (!has(wanted.shared, bit) && has(held_.shared, bit) && others_hold(fd_, kUsedBase + bit))
            return Error::make("Failed to get shared \"%s\" lock", kNames[bit])
                .with_hint("Is another process using the image [%s]?", path_.c_str());
    }
    return {};
}

Status FileLock::take_over(const FileLock& other) {
    int taken = add_locks(fd_, kUsedBase, 0, other.held_.used);
    if (taken == 0) taken = add_locks(fd_, kDeniedBase, 0, denied(other.held_));
    if (taken != 0) return Error::from_errno(-taken, "could not lock '%s'", path_.c_str());
    held_ = other.held_;
    return {};
}

Status FileLock::change(Permissions wanted) {
    int taken = add_locks(fd_, kUsedBase, held_.used, wanted.used);
    if (taken == 0) taken = add_locks(fd_, kDeniedBase, denied(held_), denied(wanted));
    Status status =
        taken == 0 ? check_others(wanted) : Error::from_errno(-taken, "could not lock '%s'", path_.c_str());
    const Permissions& keep = status ? wanted : held_;
    const Permissions either{static_cast<uint8_t>(held_.used | wanted.used),
                             static_cast<uint8_t>(held_.shared & wanted.shared)};
    drop_locks(fd_, kUsedBase, either.used, keep.used);
    drop_locks(fd_, kDeniedBase, denied(either), denied(keep));
    if (status) held_ = wanted;
    return status;
}

}  // namespace vmm::block
