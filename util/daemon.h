// -daemonize and -pidfile. The process forks before it makes threads or VMs; the parent waits and leaves with
// the child's verdict, so that whoever started it knows that the VM is up (or why not) when the command
// returns.
#pragma once

#include <sys/types.h>

#include <string>

#include "util/fd.h"
#include "util/result.h"

namespace vmm {

// The child's end of the pipe over which it tells its parent that all is well.
class Daemon {
  public:
    // Forks. Returns in the child only: the parent waits until the child calls ready() and exits 0, or until
    // the child is gone and exits with its status (1 when it was killed). The child is in a session of its
    // own.
    static Result<Daemon> enter();

    // Lets the parent go; from now on the standard descriptors are /dev/null.
    Status ready();

  private:
    Daemon(Fd pipe, Fd null) : pipe_(std::move(pipe)), null_(std::move(null)) {}
    Fd pipe_;
    Fd null_;  // opened before the root may change
};

// Which file it is, whatever its name.
struct FileIdentity {
    dev_t device = 0;
    ino_t inode = 0;
    bool operator==(const FileIdentity&) const = default;
};

// Holds "<pid>\n" and a lock while it lives; removes the file at the end.
class PidFile {
  public:
    // Fails when another living process holds the lock.
    static Result<PidFile> create(const std::string& path);
    PidFile(PidFile&&) = default;
    PidFile& operator=(PidFile&&) = default;
    ~PidFile();

  private:
    PidFile(std::string path, Fd fd, FileIdentity identity)
        : path_(std::move(path)), fd_(std::move(fd)), identity_(identity) {}
    std::string path_;
    Fd fd_;
    FileIdentity identity_;
};

}  // namespace vmm
