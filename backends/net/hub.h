// Hub: an Ethernet segment with several ports (-netdev hubport,hubid=N): what comes in at one goes out at all
// others. A port's other end is a network card, or, with netdev=, another back end. A hub lives as long as
// its ports. Main thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "backends/net/client.h"
#include "util/result.h"

namespace vmm::net {

class HubPort;

class Hub {
  public:
    explicit Hub(int32_t number) : number_(number) {}
    int32_t number() const { return number_; }

  private:
    friend class HubPort;
    void forward(const HubPort& from, Packet packet);
    const int32_t number_;
    std::vector<HubPort*> ports_;
};

class HubPort final : public Client, private Peer {
    struct Token {
        explicit Token() = default;
    };

  public:
    // `netdev` may be null; refuses one that somebody else has.
    static Result<std::unique_ptr<HubPort>> create(EventLoop& loop, std::string id, std::shared_ptr<Hub> hub,
                                                   Client* netdev);
    HubPort(Token, EventLoop& loop, std::string id, std::shared_ptr<Hub> hub);
    ~HubPort() override;

    std::string_view type() const override { return "hubport"; }
    std::string info() const override;

  private:
    friend class Hub;
    // Client: from the card.
    bool do_send(Packet packet) override;
    // Peer: from the other back end.
    bool receive(Packet packet) override;
    void client_gone() override { netdev_ = nullptr; }
    // From the hub; what there is no room for is lost, as on a wire.
    void take(Packet packet);

    const std::shared_ptr<Hub> hub_;
    Client* netdev_ = nullptr;
    std::vector<uint8_t> with_header_;
};

}  // namespace vmm::net
