// Reading open files whole; see read_open_file.h.
#include "util/read_open_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "util/fd.h"

namespace vmm {

namespace {
// What comes out of a pipe or a device, to its end or one byte past the limit.
Result<std::vector<uint8_t>> read_to_end(int fd, uint64_t limit) {
    constexpr size_t kChunk = 64 << 10;
    std::vector<uint8_t> contents;
    for (size_t have = 0;; contents.resize(have)) {
        contents.resize(have + static_cast<size_t>(std::min<uint64_t>(kChunk, limit + 1 - have)));
        const ssize_t got = ::read(fd, contents.data() + have, contents.size() - have);
        if (got < 0 && errno != EINTR) return Error::from_errno(errno, "read");
        have += got > 0 ? static_cast<size_t>(got) : 0;
        if (got != 0 && have <= limit) continue;
        contents.resize(have);
        return contents;
    }
}
}  // namespace

Result<std::vector<uint8_t>> read_open_file(int fd, uint64_t limit) {
    struct stat info = {};
    if (::fstat(fd, &info) < 0) return Error::from_errno(errno, "fstat");
    std::vector<uint8_t> contents;
    auto size = static_cast<uint64_t>(info.st_size);
    const bool known_size = S_ISREG(info.st_mode);
    if (!known_size) {
        contents = TRY(read_to_end(fd, limit));
        size = contents.size();
    }
    if (size > limit)
        return Error::make("it is %llu bytes long, the limit is %llu", static_cast<unsigned long long>(size),
                           static_cast<unsigned long long>(limit));
    if (!known_size) return contents;
    contents.resize(size);
    TRY(read_full(fd, contents));
    return contents;
}

}  // namespace vmm
