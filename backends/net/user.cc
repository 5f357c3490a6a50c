// User networking; see user.h.
#include "backends/net/user.h"

#include <arpa/inet.h>

#include <cstring>
#include <utility>

#include "backends/net/guest_forward_priv.h"
#include "backends/net/slirp_source_priv.h"
#include "util/log.h"

namespace vmm::net {

namespace {

std::string dotted(in_addr address) {
    char text[INET_ADDRSTRLEN];
    return ::inet_ntop(AF_INET, &address, text, sizeof text);
}

// A timer of libslirp's.
struct SlirpTimer {
    SlirpTimer(EventLoop& loop, std::function<void()> fired) : timer(loop, std::move(fired)) {}
    LoopTimer timer;
};

const char* or_null(const std::string& text) {
    return text.empty() ? nullptr : text.c_str();
}

}  // namespace

// What libslirp calls.
struct SlirpCalls {
    static UserClient& client(void* opaque) { return *static_cast<UserClient*>(opaque); }
    static ssize_t send_packet(const void* data, size_t size, void* opaque) {
        (void)client(opaque).deliver({static_cast<const uint8_t*>(data), size});
        return static_cast<ssize_t>(size);
    }
    static void guest_error(const char* text, void*) { log_guest_error("user networking: %s", text); }
    static int64_t clock(void*) { return monotonic_ns(); }
    static void* new_timer(SlirpTimerId id, void* what, void* opaque) {
        UserClient& owner = client(opaque);
        auto timer = std::make_unique<SlirpTimer>(
            owner.loop(), [&owner, id, what] { owner.library_.handle_timer(owner.slirp_.get(), id, what); });
        return timer.release();
    }
    static void free_timer(void* timer, void*) {
        const std::unique_ptr<SlirpTimer> owned(static_cast<SlirpTimer*>(timer));
    }
    static void arm_timer(void* timer, int64_t at_ms, void*) {
        static_cast<SlirpTimer*>(timer)->timer.arm_at(at_ms * 1'000'000);
    }
    static void poll_fd(int, void*) {}
    static void notify(void* opaque) { g_main_context_wakeup(client(opaque).loop().context()); }
};

namespace {

constexpr SlirpCb kCalls = {.send_packet = SlirpCalls::send_packet,
                            .guest_error = SlirpCalls::guest_error,
                            .clock_get_ns = SlirpCalls::clock,
                            .timer_new = nullptr,
                            .timer_free = SlirpCalls::free_timer,
                            .timer_mod = SlirpCalls::arm_timer,
                            .register_poll_fd = SlirpCalls::poll_fd,
                            .unregister_poll_fd = SlirpCalls::poll_fd,
                            .notify = SlirpCalls::notify,
                            .init_completed = nullptr,
                            .timer_new_opaque = SlirpCalls::new_timer};

}  // namespace

Result<std::unique_ptr<UserClient>> UserClient::create(EventLoop& loop, std::string id,
                                                       const UserConfig& config,
                                                       const ChardevFinder& chardevs) {
    auto client =
        std::make_unique<UserClient>(Token(), loop, std::move(id), config, TRY(SlirpLibrary::load()));
    TRY(client->start(chardevs));
    return client;
}

UserClient::UserClient(Token, EventLoop& loop, std::string id, const UserConfig& config, SlirpLibrary library)
    : Client(loop, std::move(id)),
      config_(config),
      library_(std::move(library)),
      slirp_(nullptr, library_.cleanup) {}

UserClient::~UserClient() = default;

Status UserClient::start(const ChardevFinder& chardevs) {
    std::vector<const char*> search;
    for (const std::string& domain : config_.dns_search)
        search.push_back(domain.c_str());
    search.push_back(nullptr);
    SlirpConfig c = {};
    c.version = 4;
    c.restricted = config_.restricted ? 1 : 0;
    c.in_enabled = config_.ipv4;
    c.vnetwork = config_.network;
    c.vnetmask = config_.mask;
    c.vhost = config_.host;
    c.in6_enabled = config_.ipv6;
    c.vprefix_addr6 = config_.prefix6;
    c.vprefix_len = config_.prefix6_bits;
    c.vhost6 = config_.host6;
    c.vhostname = or_null(config_.hostname);
    c.tftp_server_name = or_null(config_.tftp_server);
    c.tftp_path = or_null(config_.tftp);
    c.bootfile = or_null(config_.bootfile);
    c.vdhcp_start = config_.dhcp_start;
    c.vnameserver = config_.dns;
    c.vnameserver6 = config_.dns6;
    c.vdnssearch = config_.dns_search.empty() ? nullptr : search.data();
    c.vdomainname = or_null(config_.domain);
    slirp_.reset(library_.create(&c, &kCalls, this));
    if (slirp_ == nullptr) return Error::make("netdev %s: libslirp refuses the configuration", id().c_str());
    source_ = std::make_unique<SlirpSource>(loop(), library_, *slirp_);
    description_ = "net=" + dotted(config_.network) + ",restrict=" + (config_.restricted ? "on" : "off");
    for (const HostForward& forward : config_.host_forwards)
        TRY(add_forward(forward));
    for (const GuestForward& forward : config_.guest_forwards)
        TRY(add_guest_forward(forward, chardevs));
    return {};
}

std::string UserClient::info() const {
    return description_;
}

Status UserClient::add_forward(const HostForward& forward) {
    if (library_.add_hostfwd(slirp_.get(), forward.udp ? 1 : 0, forward.host, forward.host_port,
                             forward.guest, forward.guest_port) == 0)
        return {};
    return Error::make("Could not set up host forwarding rule '%s:%s:%u-%s:%u'", forward.udp ? "udp" : "tcp",
                       dotted(forward.host).c_str(), forward.host_port, dotted(forward.guest).c_str(),
                       forward.guest_port);
}

Status UserClient::remove_forward(const HostForward& forward) {
    if (library_.remove_hostfwd(slirp_.get(), forward.udp ? 1 : 0, forward.host, forward.host_port) == 0)
        return {};
    return Error::make("host forwarding rule for port %u not found", forward.host_port);
}

std::string UserClient::connections() {
    GPtr<char, g_free> text(library_.connection_info(slirp_.get()));
    return text != nullptr ? text.get() : "";
}

Status UserClient::add_guest_forward(const GuestForward& forward, const ChardevFinder& chardevs) {
    in_addr server = forward.server;
    if (!forward.command.empty()) {
        if (library_.add_exec(slirp_.get(), forward.command.c_str(), &server, forward.port) == 0) return {};
        return Error::make("conflicting/invalid host:port in guest forwarding rule for port %u",
                           forward.port);
    }
    Chardev* chardev = TRY(chardevs(forward.chardev));
    guest_ports_.push_back(TRY(GuestForwardPort::create(library_, *slirp_, *chardev, server, forward.port)));
    return {};
}

bool UserClient::do_send(Packet packet) {
    library_.input(slirp_.get(), packet.data(), static_cast<int>(packet.size()));
    for (const std::unique_ptr<GuestForwardPort>& port : guest_ports_)
        port->guest_was_heard();
    return true;
}

}  // namespace vmm::net
