// FileLock: tells other processes what this one does with an image file, by open-file-description locks on
// single bytes, where QEMU and its tools look for them: byte 100 + n is locked for permission n being used,
// byte 200 + n for it being denied to others. Main thread.
#pragma once

#include "backends/block/node.h"
#include "util/result.h"

namespace vmm::block {

class FileLock {
  public:
    // Whether the file system has such locks. The descriptor is borrowed.
    static bool possible(int fd);

    FileLock(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
    // Takes what is new, checks against others, gives back what is no longer needed. A failure changes
    // nothing.
    Status change(Permissions wanted);
    // The same locks as those of another descriptor of the file, which is ours too: nobody else is asked.
    // Called once, before change().
    Status take_over(const FileLock& other);

  private:
    Status check_others(Permissions wanted) const;

    const int fd_;
    const std::string path_;
    Permissions held_;
};

}  // namespace vmm::block
