// Chardev: the host's side of a stream of bytes (terminal, socket, file); CharClient: the device's side. One
// client a chardev (a mux takes several). Clients are attached and detached on the main loop's thread, and
// called there unless the chardev was moved to another loop; write() and accept_input() may be called from
// any thread with no lock held, and never block.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "backends/chardev/options.h"
#include "util/event_loop.h"
#include "util/fd.h"
#include "util/mutex.h"
#include "util/result.h"

namespace vmm {

enum class CharEvent {
    Opened,  // somebody is at the other end
    Closed,
    Break,  // the line's break condition
    FocusIn,
    FocusOut,  // a mux turned its input to, away from this client
};

class CharClient {
  public:
    virtual ~CharClient() = default;
    // How many bytes receive() may be given now. When it grows from 0 the client calls accept_input().
    virtual size_t room() = 0;
    virtual void receive(std::span<const uint8_t> bytes) = 0;
    virtual void char_event(CharEvent) {}
    // A write() that took less than it was given may be tried again.
    virtual void writable() {}
    // Whether the guest has opened its end, where it can. Main thread.
    virtual bool frontend_open() const { return true; }
};

class FdStore;
class RingbufChardev;

class Chardev {
  public:
    Chardev(EventLoop& loop, std::string id) : loop_(&loop), id_(std::move(id)) {}
    Chardev(const Chardev&) = delete;
    Chardev& operator=(const Chardev&) = delete;
    virtual ~Chardev();

    const std::string& id() const { return id_; }
    // What query-chardev shows, e.g. "pty:/dev/pts/3".
    virtual std::string filename() const = 0;
    // Somebody is at the other end (always, for those that cannot know).
    virtual bool connected() const { return true; }

    // The client is borrowed until detach(). Fails when another one is there.
    virtual Status attach(CharClient& client);
    virtual void detach(CharClient& client);
    virtual bool in_use() const { return client_ != nullptr; }
    // Somebody inside listens.
    virtual bool frontend_open() const { return client_ != nullptr && client_->frontend_open(); }

    // How many bytes were taken; when less than all, writable() follows. Without anybody at the other end
    // everything is taken and lost.
    size_t write(std::span<const uint8_t> bytes);
    // The same for a device that is given its bytes one at a time: what is taken may wait for the end of its
    // line, or a millisecond, to reach the other end in one piece. Order with write() is kept.
    size_t write_soon(std::span<const uint8_t> bytes);
    // The client has room again.
    virtual void accept_input() {}
    // A descriptor that came with the bytes received last, the oldest first (unix sockets only).
    virtual std::optional<Fd> take_fd() { return std::nullopt; }

    // The client hears of a break on the line. Loop thread.
    void send_break() { tell(CharEvent::Break); }
    // Itself, if it is one; else null.
    virtual RingbufChardev* as_ringbuf() { return nullptr; }

    // Whether move_to() is there.
    virtual bool can_move() const { return false; }
    // From now on the client is called on this loop's thread, until the connection ends: Closed and whatever
    // follows come on the first loop again. Called on the thread of the loop it leaves, as the last thing
    // that receive() does or outside of it.
    virtual void move_to(EventLoop& loop) { (void)loop; }

    Status open_log(const ChardevCommon& common, const FdStore& fds);

  protected:
    virtual size_t do_write(std::span<const uint8_t> bytes) = 0;
    virtual size_t do_write_soon(std::span<const uint8_t> bytes) { return do_write(bytes); }
    EventLoop& loop() { return *loop_.load(std::memory_order_acquire); }
    void set_loop(EventLoop& loop) { loop_.store(&loop, std::memory_order_release); }
    CharClient* client() { return client_; }
    // Runs on the loop (the one it has by then) unless this chardev is gone.
    void post(std::function<void()> work);
    void tell(CharEvent event);

  private:
    void log(std::span<const uint8_t> bytes);

    std::atomic<EventLoop*> loop_;
    const std::string id_;
    CharClient* client_ = nullptr;  // loop thread
    std::shared_ptr<int> alive_ = std::make_shared<int>(0);
    Mutex log_mutex_{LockRank::Leaf, "chardev log"};
    Fd log_ GUARDED_BY(log_mutex_);
};

// Takes everything, gives nothing.
class NullChardev final : public Chardev {
  public:
    using Chardev::Chardev;
    std::string filename() const override { return "null"; }

  private:
    size_t do_write(std::span<const uint8_t> bytes) override { return bytes.size(); }
};

}  // namespace vmm
