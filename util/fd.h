// Fd: an owned file descriptor, closed once. Functions that hand out descriptors return Result<Fd>; ones that
// borrow take an int. All descriptors are close-on-exec.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "util/result.h"

namespace vmm {

class Fd {
  public:
    Fd() = default;
    explicit Fd(int number) : number_(number) {}
    Fd(Fd&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
    Fd& operator=(Fd&& other) noexcept {
        if (this != &other) {
            reset();
            number_ = std::exchange(other.number_, -1);
        }
        return *this;
    }
    ~Fd() { reset(); }

    int get() const { return number_; }
    explicit operator bool() const { return number_ >= 0; }
    int release() { return std::exchange(number_, -1); }
    void reset();
    Result<Fd> duplicate() const;

  private:
    int number_ = -1;
};

// flags: O_* (O_CLOEXEC is added); mode is for O_CREAT. The error names the path.
Result<Fd> open_file(const std::string& path, int flags, mode_t mode = 0600);
Status set_close_on_exec(int fd);
Status set_non_blocking(int fd);

// Whole-buffer I/O: repeats on EINTR and short counts. read_full fails on an early end of file.
Status read_full(int fd, std::span<uint8_t> into);
Status write_full(int fd, std::span<const uint8_t> from);
Status read_full_at(int fd, std::span<uint8_t> into, uint64_t offset);
// The contents of a file of at most `limit` bytes.
Result<std::vector<uint8_t>> read_file(const std::string& path, uint64_t limit);

}  // namespace vmm
