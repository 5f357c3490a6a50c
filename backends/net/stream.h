// StreamClient: frames over a stream socket, each after its length (32 bits, big endian), as server (one peer
// at a time, listens again when it leaves) or client (may try again after a while). What -netdev stream and
// -netdev socket,listen=/connect= are; passt speaks it. Main thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backends/net/client.h"
#include "backends/net/config.h"
#include "util/fd.h"

namespace vmm::net {

// Who is told of connections that are made and lost; not of -netdev socket's.
class StreamListener {
  public:
    virtual ~StreamListener() = default;
    virtual void stream_connected(const std::string& id, const SocketAddress& address) = 0;
    virtual void stream_disconnected(const std::string& id) = 0;
};

class StreamClient final : public Client {
    struct Token {
        explicit Token() = default;
    };

  public:
    static Result<std::unique_ptr<StreamClient>> create(EventLoop& loop, std::string id,
                                                        const StreamConfig& config,
                                                        StreamListener* listener = nullptr);
    StreamClient(Token, EventLoop& loop, std::string id, const StreamConfig& config, StreamListener* told);
    ~StreamClient() override;

    std::string_view type() const override { return config_.kind; }
    std::string info() const override;
    bool connected() const { return static_cast<bool>(socket_); }
    // The port a TCP server got.
    Result<uint16_t> port() const { return local_port(listener_.get()); }

  private:
    bool do_send(Packet packet) override;
    void resumed() override;
    Status open();
    void listen_again();
    void accept_peer();
    // Again, without waiting for the other end.
    void try_connect();
    void connection_ready();
    void try_later();
    void take(Fd peer);
    void lost();
    void watch();
    void ready(unsigned conditions);
    void read_some();
    // What is in the buffer; false when the connection is gone.
    void deliver_frames();
    bool write_rest();

    const StreamConfig config_;
    StreamListener* const told_;
    Fd listener_, socket_, connecting_;
    FdWatch listen_watch_, in_watch_, out_watch_, connect_watch_;
    unsigned attempts_ = 0;
    LoopTimer retry_;
    std::vector<uint8_t> in_;  // received, from in_begin_ to in_end_
    size_t in_begin_ = 0, in_end_ = 0;
    std::vector<uint8_t> out_;  // of a frame that the socket took in part
    size_t out_begin_ = 0;
    bool paused_ = false;   // the peer has no room
    bool refused_ = false;  // the peer waits for sendable()
};

}  // namespace vmm::net
