// What -netdev and netdev_add take, checked and turned into a client's configuration. Called by the command
// line and the monitor. Pure but for descriptors that the monitor was handed.
#pragma once

#include "backends/net/config.h"
#include "qapi/types_net.h"
#include "util/result.h"

namespace vmm {
class FdStore;
}

namespace vmm::net {

// `fds`: where named descriptors are; null on the command line, which has numbers only.
Result<NetdevConfig> netdev_config(const qapi::Netdev& netdev, FdStore* fds);

// Where a socket is, as the schema says it.
Result<SocketAddress> address_of(const qapi::SocketAddress& from, FdStore* fds);

// user_options.cc
Result<UserConfig> user_config(const qapi::NetdevUserOptions& options);
// "[tcp|udp]:[HOST]:PORT-[GUEST]:PORT"
Result<HostForward> parse_host_forward(const std::string& text);
// "[tcp|udp]:[HOST]:PORT", the host's end alone
Result<HostForward> parse_host_port(const std::string& text);
// "[tcp]:SERVER:PORT-DEV"
Result<GuestForward> parse_guest_forward(const std::string& text);

}  // namespace vmm::net
