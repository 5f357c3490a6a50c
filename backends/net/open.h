// From what the user said to a client. Called at start and by the monitor. Main thread.
#pragma once

#include <memory>

#include "backends/net/client.h"
#include "backends/net/config.h"
#include "backends/net/user.h"

namespace vmm::net {

Result<std::unique_ptr<Client>> open_client(EventLoop& loop, const NetdevConfig& config,
                                            const ChardevFinder& chardevs);

}  // namespace vmm::net
