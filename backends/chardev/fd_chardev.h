// FdChardev: a chardev over descriptors that poll: what file, stdio, pipe, pty and socket share. Kinds that
// lose their other end override ended(). Watches live on the loop's thread; a writer on another thread only
// touches the output descriptor, under the mutex.
#pragma once

#include <array>
#include <optional>

#include "backends/chardev/chardev.h"

namespace vmm {

class FdChardev : public Chardev {
  public:
    using Chardev::Chardev;
    ~FdChardev() override;
    void accept_input() override;
    void detach(CharClient& client) override;

  protected:
    enum class Polling { Yes, No };  // regular files never block and cannot be watched
    // Loop thread. `in` may be empty; `out` empty means: write to `in`. Descriptors are owned and
    // non-blocking when they poll.
    void open_stream(Fd in, Fd out, Polling out_polls);
    void close_stream();
    bool stream_open() const;
    // No more input will come (end of file, hang-up, error). Loop thread, no lock held. Unless overridden,
    // output goes on; a kind with one descriptor for both must override.
    virtual void ended() { close_input(); }
    // The output's other end is gone. Loop thread.
    virtual void output_failed() {}
    void close_input();
    // What read(2) does; sockets take descriptors along.
    virtual ssize_t read_some(int fd, std::span<uint8_t> into);
    // The watches end here and begin there.
    void change_loop(EventLoop& to);
    size_t do_write(std::span<const uint8_t> bytes) override;
    size_t do_write_soon(std::span<const uint8_t> bytes) override;

  private:
    void watch_input();
    void input_ready(unsigned conditions);
    void wait_for_output();
    void output_ready();
    size_t put(std::span<const uint8_t> bytes) REQUIRES(mutex_);
    // False when some of what is held stays: then waits_ is set.
    bool send_held() REQUIRES(mutex_);
    // A timer of this loop sends what is held. Loop thread.
    void make_timer();

    std::optional<FdWatch> in_watch_;   // loop thread
    std::optional<FdWatch> out_watch_;  // loop thread
    Fd in_;                             // changed on the loop thread
    mutable Mutex mutex_{LockRank::Leaf, "chardev"};
    Fd out_ GUARDED_BY(mutex_);
    int out_number_ GUARDED_BY(mutex_) = -1;
    bool out_is_socket_ GUARDED_BY(mutex_) = true;  // until a write says no
    bool waits_ GUARDED_BY(mutex_) = false;         // for room; the watch is there or on its way
    bool failed_ GUARDED_BY(mutex_) = false;        // and has said so
    Polling out_polls_ GUARDED_BY(mutex_) = Polling::Yes;
    std::array<uint8_t, 256> held_ GUARDED_BY(mutex_) = {};  // taken by do_write_soon(), not written yet
    size_t held_count_ GUARDED_BY(mutex_) = 0;
    bool timer_runs_ GUARDED_BY(mutex_) = false;
    std::optional<LoopTimer> timer_ GUARDED_BY(mutex_);  // while the stream is open
};

// The same open file through a file description of its own, non-blocking, so that the flag does not leak to
// other processes that share it. Regular files and sockets are duplicated as they are.
Result<Fd> reopen_non_blocking(int fd, int access_mode);

}  // namespace vmm
