// DgramClient: one frame a datagram, over UDP (unicast or multicast), a unix socket or an inherited one that
// is connected. What -netdev dgram and -netdev socket,udp=/mcast=/fd= are. Main thread.
#pragma once

#include <sys/socket.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backends/net/client.h"
#include "backends/net/config.h"
#include "util/fd.h"

namespace vmm::net {

class DgramClient final : public Client {
    struct Token {
        explicit Token() = default;
    };

  public:
    static Result<std::unique_ptr<DgramClient>> create(EventLoop& loop, std::string id,
                                                       const DgramConfig& config);
    DgramClient(Token, EventLoop& loop, std::string id, const DgramConfig& config, Fd socket,
                std::optional<SocketName> remote);
    ~DgramClient() override;

    std::string_view type() const override { return config_.kind; }
    std::string info() const override;

  private:
    bool do_send(Packet packet) override;
    bool do_send_more(Packet packet) override;
    void do_send_held() override { (void)flush_held(); }
    bool flush_held();
    void wait_for_room();
    void resumed() override;
    void watch();
    void read_some();

    const DgramConfig config_;
    Fd socket_;
    const std::optional<SocketName> remote_;  // absent: the socket knows
    FdWatch in_watch_, out_watch_;
    std::vector<uint8_t> in_;
    bool paused_ = false;
    bool has_end_ = false;  // is connected to somebody who can leave
    // Small packets that wait for each other: [sent_, held_) of the slots.
    std::vector<uint8_t> slots_;
    std::vector<uint16_t> sizes_;
    size_t held_ = 0, sent_ = 0;
};

}  // namespace vmm::net
