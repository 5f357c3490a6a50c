// Uring: an io_uring by its three raw system calls. File nodes queue operations; IoContext hands them over in
// one call a turn and reaps what is done. One thread.
#pragma once

#include <cstdint>
#include <memory>

#include "backends/block/request.h"
#include "util/fd.h"
#include "util/mmap.h"
#include "util/result.h"

struct io_uring_sqe;
struct io_uring_cqe;

namespace vmm::block {

// Hears of its operations; `request` is the one given with it.
class UringUser {
  public:
    virtual ~UringUser() = default;
    virtual void ring_done(Request& request, int result) = 0;
};

// io_uring_enter(2) without its signal mask; -1 and errno.
using RingEnter = long (*)(int fd, unsigned submit, unsigned wait_for, unsigned flags);

class Uring {
    struct Token {
        explicit Token() = default;
    };

  public:
    // Fails where the kernel has no io_uring or does not let us: the errno is the reason.
    // `enter`: in place of the system call, for tests.
    static Result<std::unique_ptr<Uring>> create(unsigned entries, RingEnter enter = nullptr);
    explicit Uring(Token) {}

    int fd() const { return fd_.get(); }
    // Each queues one operation for submit(); false when there is no room even after submitting. Uses
    // request.scratch[0]. read and write take offset and iov from the request.
    bool read(UringUser& user, int fd, Request& request);
    bool write(UringUser& user, int fd, Request& request, bool durable);
    bool sync_data(UringUser& user, int fd, Request& request);

    // Hands over what is queued; with `wait`, sleeps until something is done. The kernel may refuse for a
    // while: has_queued() then still holds, and somebody has to try again.
    void submit(bool wait = false);
    bool has_done() const;
    bool has_queued() const { return queued_ != 0; }
    unsigned in_flight() const { return in_flight_; }
    // Calls the users of what is done; the number of calls.
    unsigned reap();

  private:
    io_uring_sqe* next_entry();
    bool queue(UringUser& user, Request& request, uint8_t opcode, int fd, uint32_t flags);
    bool transfer(UringUser& user, int fd, Request& request, bool write, uint32_t flags);

    Fd fd_;
    RingEnter enter_ = nullptr;
    MappedRegion rings_, entries_;
    // In the shared mapping.
    uint32_t *sq_head_ = nullptr, *sq_tail_ = nullptr, *sq_flags_ = nullptr, *cq_head_ = nullptr,
             *cq_tail_ = nullptr;
    uint32_t sq_size_ = 0, sq_mask_ = 0, cq_size_ = 0, cq_mask_ = 0;
    io_uring_sqe* sqes_ = nullptr;
    io_uring_cqe* cqes_ = nullptr;
    uint32_t tail_ = 0;    // ours, published by submit()
    uint32_t queued_ = 0;  // entries the kernel has not been told of
    uint32_t in_flight_ = 0;
};

}  // namespace vmm::block
