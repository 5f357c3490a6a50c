// What users say of network back ends, as plain data, checked by the command line and the monitor. Data only.
#pragma once

#include <netinet/in.h>

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "util/socket.h"

namespace vmm::net {

struct HostForward {
    bool udp = false;
    in_addr host{}, guest{};  // guest 0: the first address that DHCP gives
    uint16_t host_port = 0, guest_port = 0;
};
struct GuestForward {
    in_addr server{};
    uint16_t port = 0;
    std::string command;  // started for each connection; empty: the chardev
    std::string chardev;
};
// User networking: a private network with a router, DHCP, DNS and TFTP. Addresses are in network order.
struct UserConfig {
    bool restricted = false;
    bool ipv4 = true, ipv6 = true;
    in_addr network{}, mask{}, host{}, dhcp_start{}, dns{};
    in6_addr prefix6{}, host6{}, dns6{};
    uint8_t prefix6_bits = 64;
    std::string hostname, domain, tftp, bootfile, tftp_server;  // empty: none
    std::vector<std::string> dns_search;
    std::vector<HostForward> host_forwards;
    std::vector<GuestForward> guest_forwards;
};

struct TapConfig {
    std::vector<int> fds;  // an open tap, a descriptor each queue; else ifname
    std::string ifname;    // empty: the kernel names it
    unsigned queues = 1;   // of ifname
    std::optional<bool> vnet_hdr;
    std::string script, downscript;  // empty: none
    std::optional<uint64_t> sndbuf;
};

// Frames with their length in front, over a stream.
struct StreamConfig {
    SocketAddress address;
    bool server = false;
    uint32_t reconnect_ms = 0;  // 0: not again
    std::string kind = "stream";
};

// A frame a datagram.
struct DgramConfig {
    std::optional<SocketAddress> local;  // an address to bind to, or a socket that is connected
    std::optional<SocketAddress> remote;
    std::string kind = "dgram";
};

// A port of a segment that several back ends and cards share.
struct HubPortConfig {
    int32_t hub = 0;
    std::string netdev;  // what the port leads to; empty: a card
};

struct NetdevConfig {
    std::string id;
    std::variant<UserConfig, TapConfig, StreamConfig, DgramConfig, HubPortConfig> backend;
};

}  // namespace vmm::net
