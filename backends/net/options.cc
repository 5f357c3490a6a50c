// From the schema to configurations; see options.h.
#include "backends/net/options.h"

#include <sys/socket.h>

#include "qom/id.h"
#include "util/fd_store.h"
#include "util/text.h"

namespace vmm::net {

namespace {

Result<int> descriptor(const std::string& text, FdStore* fds) {
    const bool number = !text.empty() && text[0] >= '0' && text[0] <= '9';
    if (!number && fds != nullptr) return TRY(fds->take(text)).release();
    const std::optional<int64_t> value = parse_i64(text, 10);
    if (!value || *value < 0 || *value > INT32_MAX)
        return Error::make("Parameter 'fd' expects the number of an open descriptor, not '%s'", text.c_str());
    return static_cast<int>(*value);
}

// "HOST:PORT"; the host may be empty.
Result<SocketAddress> host_and_port(const std::string& text, const char* name) {
    const size_t colon = text.rfind(':');
    if (colon == std::string::npos || colon + 1 == text.size())
        return Error::make("Parameter '%s' expects HOST:PORT, not '%s'", name, text.c_str());
    std::string host = text.substr(0, colon);
    if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
    return SocketAddress(
        InetAddress{.host = host, .port = text.substr(colon + 1), .to = {}, .ipv4 = {}, .ipv6 = {}});
}

constexpr size_t kMostTapQueues = 256;  // the kernel has no more

// "A:B:C", at most so many.
Result<std::vector<int>> descriptors(const std::string& text, FdStore* fds, size_t most) {
    const std::vector<std::string_view> words =
        most == 1 ? std::vector<std::string_view>{text} : split(text, ':');
    if (words.size() > most) return Error::make("fds= takes at most %zu descriptors", most);
    std::vector<int> out;
    for (std::string_view word : words) {
        Result<int> one = descriptor(std::string(word), fds);
        if (!one) {
            // Those that the monitor was handed are ours by now.
            if (fds != nullptr)
                for (int taken : out)
                    Fd(taken).reset();
            return std::move(one).take_error();
        }
        out.push_back(*one);
    }
    return out;
}

Result<TapConfig> tap_config(const qapi::NetdevTapOptions& options, FdStore* fds) {
    if (options.vhost.value_or(false)) return Error::make("vhost=on is not supported: use vhost=off");
    TapConfig config;
    if (options.fd || options.fds) {
        const char* given = options.fd ? "fd" : "fds";
        if (options.fd && options.fds) return Error::make("fd= and fds= exclude each other");
        if (options.ifname || options.script || options.downscript || options.vnet_hdr || options.queues)
            return Error::make("ifname=, script=, downscript=, vnet_hdr= and queues= are invalid with %s=",
                               given);
        config.sndbuf = options.sndbuf;
        config.fds = TRY(options.fd ? descriptors(*options.fd, fds, 1)
                                    : descriptors(*options.fds, fds, kMostTapQueues));
        return config;
    }
    config.queues = options.queues.value_or(1);
    if (config.queues == 0 || config.queues > kMostTapQueues)
        return Error::make("Parameter 'queues' expects a number between 1 and %zu, not %u", kMostTapQueues,
                           config.queues);
    config.ifname = options.ifname.value_or("");
    config.vnet_hdr = options.vnet_hdr;
    config.sndbuf = options.sndbuf;
    config.script = options.script.value_or("/etc/qemu-ifup");
    config.downscript = options.downscript.value_or("/etc/qemu-ifdown");
    for (std::string* script : {&config.script, &config.downscript})
        if (*script == "no") script->clear();
    return config;
}

bool is_datagram_socket(int fd) {
    int type = 0;
    socklen_t length = sizeof type;
    return ::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) == 0 && type == SOCK_DGRAM;
}

using Backend = decltype(NetdevConfig::backend);

Result<Backend> socket_config(const qapi::NetdevSocketOptions& o, FdStore* fds) {
    const int given =
        (o.fd ? 1 : 0) + (o.listen ? 1 : 0) + (o.connect ? 1 : 0) + (o.mcast ? 1 : 0) + (o.udp ? 1 : 0);
    if (given != 1)
        return Error::make("exactly one of listen=, connect=, mcast= or udp= is required (or fd=)");
    if (o.localaddr && !o.mcast && !o.udp) return Error::make("localaddr= is only valid with mcast= or udp=");
    if (o.udp && !o.localaddr) return Error::make("localaddr= is mandatory with udp=");
    if (o.fd) {
        const int fd = TRY(descriptor(*o.fd, fds));
        if (is_datagram_socket(fd))
            return Backend(DgramConfig{.local = FdAddress{fd}, .remote = {}, .kind = "socket"});
        return Backend(
            StreamConfig{.address = FdAddress{fd}, .server = false, .reconnect_ms = 0, .kind = "socket"});
    }
    if (o.listen || o.connect) {
        StreamConfig config;
        config.address =
            TRY(host_and_port(o.listen ? *o.listen : *o.connect, o.listen ? "listen" : "connect"));
        config.server = o.listen.has_value();
        config.kind = "socket";
        return Backend(std::move(config));
    }
    DgramConfig config;
    config.kind = "socket";
    config.remote = TRY(host_and_port(o.udp ? *o.udp : *o.mcast, o.udp ? "udp" : "mcast"));
    if (o.localaddr && o.udp) config.local = TRY(host_and_port(*o.localaddr, "localaddr"));
    if (o.localaddr && o.mcast)
        config.local = InetAddress{.host = *o.localaddr, .port = "0", .to = {}, .ipv4 = {}, .ipv6 = {}};
    return Backend(std::move(config));
}

Result<StreamConfig> stream_config(const qapi::NetdevStreamOptions& o, FdStore* fds) {
    StreamConfig config;
    config.address = TRY(address_of(o.addr, fds));
    config.server = o.server.value_or(false);
    if (config.server && (o.reconnect || o.reconnect_ms))
        return Error::make("'reconnect' option is incompatible with socket in server mode");
    if (o.reconnect && o.reconnect_ms)
        return Error::make("'reconnect' and 'reconnect-ms' are mutually exclusive");
    constexpr uint32_t kMostSeconds = 86400;
    if (o.reconnect.value_or(0) > kMostSeconds)
        return Error::make("Parameter 'reconnect' expects at most %u seconds, not %u", kMostSeconds,
                           *o.reconnect);
    config.reconnect_ms = o.reconnect_ms.value_or(o.reconnect.value_or(0) * 1000);
    return config;
}

Result<DgramConfig> dgram_config(const qapi::NetdevDgramOptions& o, FdStore* fds) {
    DgramConfig config;
    if (o.local) config.local = TRY(address_of(*o.local, fds));
    if (o.remote) config.remote = TRY(address_of(*o.remote, fds));
    if (!config.local && !config.remote) return Error::make("dgram requires local= or remote= parameter");
    const bool local_fd = config.local && std::holds_alternative<FdAddress>(*config.local);
    if (local_fd && config.remote) return Error::make("don't set remote with local.fd");
    if (config.remote && std::holds_alternative<FdAddress>(*config.remote))
        return Error::make("remote must be of type inet or unix");
    if (config.local && !local_fd && !config.remote)
        return Error::make("remote address must be set with a local address");
    if (config.local && config.remote && config.local->index() != config.remote->index())
        return Error::make("local and remote must be of the same type");
    return config;
}

}  // namespace

namespace {
Result<SocketAddress> vsock_address(const qapi::VsockSocketAddress& from) {
    const std::optional<uint64_t> cid = parse_u64(from.cid), port = parse_u64(from.port);
    if (!cid || *cid > UINT32_MAX)
        return Error::make("Parameter 'cid' expects a 32-bit number, not '%s'", from.cid.c_str());
    if (!port || *port > UINT32_MAX)
        return Error::make("Parameter 'port' expects a 32-bit number, not '%s'", from.port.c_str());
    return SocketAddress(VsockAddress{static_cast<uint32_t>(*cid), static_cast<uint32_t>(*port)});
}
}  // namespace

Result<SocketAddress> address_of(const qapi::SocketAddress& from, FdStore* fds) {
    if (const auto* un = std::get_if<qapi::UnixSocketAddress>(&from.u))
        return SocketAddress(UnixAddress{un->path, un->abstract.value_or(false), un->tight.value_or(true)});
    if (const auto* fd = std::get_if<qapi::FdSocketAddress>(&from.u))
        return SocketAddress(FdAddress{TRY(descriptor(fd->str, fds))});
    if (const auto* vsock = std::get_if<qapi::VsockSocketAddress>(&from.u)) return vsock_address(*vsock);
    const auto& inet = *std::get_if<qapi::InetSocketAddress>(&from.u);
    return SocketAddress(InetAddress{inet.host, inet.port, inet.to, inet.ipv4, inet.ipv6});
}

Result<NetdevConfig> netdev_config(const qapi::Netdev& netdev, FdStore* fds) {
    TRY(check_id(netdev.id));
    if (auto* o = std::get_if<qapi::NetdevUserOptions>(&netdev.u))
        return NetdevConfig{netdev.id, TRY(user_config(*o))};
    if (auto* o = std::get_if<qapi::NetdevTapOptions>(&netdev.u))
        return NetdevConfig{netdev.id, TRY(tap_config(*o, fds))};
    if (auto* o = std::get_if<qapi::NetdevSocketOptions>(&netdev.u))
        return NetdevConfig{netdev.id, TRY(socket_config(*o, fds))};
    if (auto* o = std::get_if<qapi::NetdevStreamOptions>(&netdev.u))
        return NetdevConfig{netdev.id, TRY(stream_config(*o, fds))};
    if (auto* o = std::get_if<qapi::NetdevHubPortOptions>(&netdev.u))
        return NetdevConfig{netdev.id, HubPortConfig{o->hubid, o->netdev.value_or("")}};
    return NetdevConfig{netdev.id, TRY(dgram_config(*std::get_if<qapi::NetdevDgramOptions>(&netdev.u), fds))};
}

}  // namespace vmm::net
