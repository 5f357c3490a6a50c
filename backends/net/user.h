// UserClient: a private network with a router, DHCP, DNS and TFTP inside this process (libslirp): the guest
// reaches the host's network with the rights of this process and nothing reaches the guest but forwarded
// ports. Missing: SMB. Main thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "backends/net/client.h"
#include "backends/net/config.h"
#include "backends/net/slirp_library.h"
#include "util/result.h"

namespace vmm {
class Chardev;
}

namespace vmm::net {

class GuestForwardPort;
class SlirpSource;

// The chardev of that id.
using ChardevFinder = std::function<Result<Chardev*>(const std::string& id)>;

class UserClient final : public Client, private HostPorts {
    struct Token {
        explicit Token() = default;
    };

  public:
    static Result<std::unique_ptr<UserClient>> create(EventLoop& loop, std::string id,
                                                      const UserConfig& config,
                                                      const ChardevFinder& chardevs);
    UserClient(Token, EventLoop& loop, std::string id, const UserConfig& config, SlirpLibrary library);
    ~UserClient() override;

    std::string_view type() const override { return "user"; }
    std::string info() const override;
    HostPorts* host_ports() override { return this; }

  private:
    friend struct SlirpCalls;
    Status add_forward(const HostForward& forward) override;
    Status remove_forward(const HostForward& forward) override;
    std::string connections() override;
    Status start(const ChardevFinder& chardevs);
    Status add_guest_forward(const GuestForward& forward, const ChardevFinder& chardevs);
    bool do_send(Packet packet) override;

    const UserConfig config_;
    std::string description_;
    const SlirpLibrary library_;
    std::unique_ptr<Slirp, decltype(SlirpLibrary::cleanup)> slirp_;
    std::unique_ptr<SlirpSource> source_;
    std::vector<std::unique_ptr<GuestForwardPort>> guest_ports_;
};

}  // namespace vmm::net
