// Which client a configuration makes; see open.h.
#include "backends/net/open.h"

#include "backends/net/dgram.h"
#include "backends/net/tap.h"

namespace vmm::net {

Result<std::unique_ptr<Client>> open_client(const ClientWorld& world, const NetdevConfig& config) {
    EventLoop& loop = world.loop;
    if (const auto* user = std::get_if<UserConfig>(&config.backend))
        return std::unique_ptr<Client>(TRY(UserClient::create(loop, config.id, *user, world.chardevs)));
    if (const auto* tap = std::get_if<TapConfig>(&config.backend))
        return std::unique_ptr<Client>(TRY(TapClient::create(loop, config.id, *tap)));
    if (const auto* stream = std::get_if<StreamConfig>(&config.backend))
        return std::unique_ptr<Client>(TRY(StreamClient::create(loop, config.id, *stream, world.streams)));
    if (const auto* port = std::get_if<HubPortConfig>(&config.backend)) {
        Client* netdev = port->netdev.empty() ? nullptr : TRY(world.netdevs(port->netdev));
        return std::unique_ptr<Client>(TRY(HubPort::create(loop, config.id, world.hubs(port->hub), netdev)));
    }
    return std::unique_ptr<Client>(
        TRY(DgramClient::create(loop, config.id, std::get<DgramConfig>(config.backend))));
}

}  // namespace vmm::net
