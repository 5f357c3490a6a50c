// From what the user said to a client. Called at start and by the monitor. Main thread.
#pragma once

#include <memory>

#include "backends/net/client.h"
#include "backends/net/config.h"
#include "backends/net/hub.h"
#include "backends/net/stream.h"
#include "backends/net/user.h"

namespace vmm::net {

// What a client may need of others.
struct ClientWorld {
    EventLoop& loop;
    ChardevFinder chardevs;
    std::function<Result<Client*>(const std::string& id)> netdevs;
    std::function<std::shared_ptr<Hub>(int32_t number)> hubs;  // made when it is not there
    StreamListener* streams = nullptr;
};

Result<std::unique_ptr<Client>> open_client(const ClientWorld& world, const NetdevConfig& config);

}  // namespace vmm::net
