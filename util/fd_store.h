// FdStore: descriptors that the monitor or the command line handed to the process, for whoever names them: by
// name (getfd) or in numbered sets that stand for a file (add-fd, "/dev/fdset/3"). Thread-safe; takes its own
// leaf lock only.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "util/fd.h"
#include "util/mutex.h"

namespace vmm {

class FdStore {
  public:
    struct Entry {
        int fd;
        std::optional<std::string> opaque;
    };
    struct Set {
        uint32_t id;
        std::vector<Entry> fds;
    };

    // A name does not begin with a digit, so that numbers stay numbers. The one of the same name is closed.
    Status keep(const std::string& name, Fd fd);
    // Out of the store, to be owned by the caller.
    Result<Fd> take(const std::string& name);
    Status close(const std::string& name);

    // Without an id: a new set. Answers the set's id.
    Result<uint32_t> add_to_set(std::optional<uint32_t> id, Fd fd, std::optional<std::string> opaque);
    // Without a number: the whole set.
    Status remove_from_set(uint32_t id, std::optional<int> number);
    std::vector<Set> sets() const;
    // Whether a path has that form.
    static bool is_set(std::string_view path) { return path.starts_with(kSetPrefix); }
    // "/dev/fdset/ID": a copy of the descriptor in the set whose access mode is that of the flags (O_RDONLY,
    // O_WRONLY, O_RDWR). Empty when the path is of another form.
    Result<std::optional<Fd>> open_path(std::string_view path, int flags) const;

    // As open_file(), but a path of that form is looked up here.
    Result<Fd> open(const std::string& path, int flags, unsigned mode = 0) const;

    static constexpr std::string_view kSetPrefix = "/dev/fdset/";
    static constexpr size_t kMost = 4096;  // descriptors kept

  private:
    struct Member {
        Fd fd;
        std::optional<std::string> opaque;
    };
    size_t count() const REQUIRES(mutex_);

    mutable Mutex mutex_{LockRank::Leaf, "fd store"};
    std::map<std::string, Fd> named_ GUARDED_BY(mutex_);
    std::map<uint32_t, std::vector<Member>> sets_ GUARDED_BY(mutex_);
};

}  // namespace vmm
