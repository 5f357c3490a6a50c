// MuxChardev: several clients on one chardev. All of them write; input goes to one, and Ctrl-A (or the key of
// -echr) is the escape: c next client, x quit, b break, t timestamps, h help, Ctrl-A itself. What has no
// room yet waits in a bounded queue a client.
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <optional>

#include "backends/chardev/chardev.h"

namespace vmm {

class MuxChardev final : public Chardev, private CharClient {
  public:
    static constexpr uint8_t kCtrlA = 1;
    // `quit` is called for Ctrl-A x, on the loop thread.
    MuxChardev(EventLoop& loop, std::unique_ptr<Chardev> under, std::function<void()> quit,
               uint8_t escape = kCtrlA);
    ~MuxChardev() override;

    std::string filename() const override { return under_->filename(); }
    bool connected() const override { return under_->connected(); }
    Status attach(CharClient& client) override;
    void detach(CharClient& client) override;
    void accept_input() override;
    bool in_use() const override { return !members_.empty(); }
    bool frontend_open() const override { return in_use(); }
    Chardev& under() { return *under_; }

  private:
    static constexpr size_t kMostClients = 4;
    static constexpr size_t kQueueSize = 256;
    struct Member {
        CharClient* client;
        std::deque<uint8_t> waiting;
    };

    // CharClient: what comes from under_.
    size_t room() override;
    void receive(std::span<const uint8_t> bytes) override;
    void char_event(CharEvent event) override;
    void writable() override;

    size_t do_write(std::span<const uint8_t> bytes) override;
    size_t do_write_soon(std::span<const uint8_t> bytes) override;
    bool stamped();
    size_t write_stamped(std::span<const uint8_t> bytes);
    void escape_key(uint8_t key);
    void give(uint8_t byte);
    void drain(Member& member);
    void next_focus();
    void print(std::string_view text);

    std::unique_ptr<Chardev> under_;
    const std::function<void()> quit_;
    const uint8_t escape_;
    std::vector<Member> members_;  // loop thread
    size_t focus_ = 0;
    bool got_escape_ = false;
    Mutex mutex_{LockRank::Leaf, "mux"};
    std::optional<int64_t> stamps_from_ GUARDED_BY(mutex_);  // realtime of the first stamp
    bool line_start_ GUARDED_BY(mutex_) = true;
};

}  // namespace vmm
