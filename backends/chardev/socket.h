// SocketChardev: one stream connection, as server (listens, one peer at a time, listens again when it leaves)
// or as client (may try again after a while). Telnet, TLS and WebSocket are not spoken.
#pragma once

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
    // The port a TCP server got.
    Result<uint16_t> port() const { return local_port(listener_.get()); }

  private:
    Status start_server();
    Status start_client();
    void listen_again();
    void accept_peer();
    void try_connect();
    void take(Fd peer);
    void ended() override;
    void output_failed() override { ended(); }

    const ChardevSocket config_;
    Fd listener_;
    std::optional<FdWatch> listen_watch_;
    LoopTimer retry_;
};

}  // namespace vmm
