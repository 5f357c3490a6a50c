// SocketChardev: one stream connection, as server (listens, one peer at a time, listens again when it leaves)
// or as client (may try again after a while). Descriptors that come over a unix socket are kept for
// take_fd(). Telnet, TLS and WebSocket are not spoken.
#pragma once

#include <deque>
#include <optional>

#include "backends/chardev/fd_chardev.h"

namespace vmm {

class SocketChardev final : public FdChardev {
    struct Token {};

  public:
    SocketChardev(Token, EventLoop& loop, std::string id, const ChardevSocket& config);
    // With `wait` it returns only when a peer has connected.
    static Result<std::unique_ptr<SocketChardev>> create(EventLoop& loop, std::string id,
                                                         const ChardevSocket& config);
    ~SocketChardev() override;
    std::string filename() const override;
    bool connected() const override { return stream_open(); }
    std::optional<Fd> take_fd() override;
    bool can_move() const override { return true; }
    void move_to(EventLoop& loop) override { change_loop(loop); }
    // The port a TCP server got.
    Result<uint16_t> port() const { return local_port(listener_.get()); }

  private:
    Status start_server();
    Status start_client();
    void listen_again();
    void accept_peer();
    void try_connect();
    void take(Fd peer);
    void after_end();
    ssize_t read_some(int fd, std::span<uint8_t> into) override;
    void ended() override;
    void output_failed() override { ended(); }

    static constexpr size_t kMostFds = 64;  // that nobody has taken yet

    const ChardevSocket config_;
    EventLoop& home_;
    std::deque<Fd> fds_;
    Fd listener_;
    std::optional<FdWatch> listen_watch_;
    LoopTimer retry_;
};

}  // namespace vmm
