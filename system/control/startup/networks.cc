// Network back ends of the process; see networks.h.
#include "system/control/startup/networks.h"

#include <algorithm>

#include "backends/chardev/chardev_set.h"
#include "backends/net/open.h"
#include "qapi/commands_net.h"
#include "qapi/event_sink.h"

namespace vmm {

struct Networks::Announcement {
    Announcement(EventLoop& loop, const qapi::AnnounceParameters& asked, std::function<void()> fired)
        : parameters(asked), left(asked.rounds), pause(asked.initial), timer(loop, std::move(fired)) {}
    const qapi::AnnounceParameters parameters;
    int64_t left;   // rounds
    int64_t pause;  // milliseconds
    LoopTimer timer;
};

Networks::Networks(EventLoop& loop, ChardevSet& chardevs) : loop_(loop), chardevs_(chardevs) {}

Networks::~Networks() = default;

Status Networks::add(const net::NetdevConfig& config) {
    if (find(config.id) != nullptr) return Error::make("Duplicate ID '%s' for netdev", config.id.c_str());
    const net::ClientWorld world{.loop = loop_,
                                 .chardevs = [this](const std::string& id) -> Result<Chardev*> {
                                     Chardev* found = chardevs_.find(id);
                                     if (found == nullptr)
                                         return Error::make("there is no chardev '%s'", id.c_str());
                                     return found;
                                 },
                                 .netdevs = [this](const std::string& id) -> Result<net::Client*> {
                                     net::Client* found = find(id);
                                     if (found == nullptr)
                                         return Error::make("netdev '%s' not found", id.c_str());
                                     return found;
                                 },
                                 .hubs =
                                     [this](int32_t number) {
                                         std::shared_ptr<net::Hub> hub = hubs_[number].lock();
                                         if (hub == nullptr)
                                             hubs_[number] = hub = std::make_shared<net::Hub>(number);
                                         return hub;
                                     },
                                 .streams = this};
    Result<std::unique_ptr<net::Client>> client = net::open_client(world, config);
    if (!client) return std::move(client).take_error().while_doing("netdev %s", config.id.c_str());
    (*client)->set_running(running_);
    (*client)->watch_filter([this, client = client->get()] {
        if (filter_watcher_) filter_watcher_(*client);
    });
    clients_.push_back(std::move(*client));
    return {};
}

void Networks::run_changed(bool running, RunState) {
    running_ = running;
    for (const auto& client : clients_)
        client->set_running(running);
}

namespace {

qapi::SocketAddress schema_address(const SocketAddress& address) {
    if (const auto* un = std::get_if<UnixAddress>(&address)) {
        qapi::UnixSocketAddress out{.path = un->path, .abstract = {}, .tight = {}};
        if (un->abstract) out.abstract = true;
        return {.type = qapi::SocketAddressType::Unix, .u = std::move(out)};
    }
    if (const auto* inet = std::get_if<InetAddress>(&address)) {
        qapi::InetSocketAddress out;
        out.host = inet->host;
        out.port = inet->port;
        return {.type = qapi::SocketAddressType::Inet, .u = std::move(out)};
    }
    if (const auto* vsock = std::get_if<VsockAddress>(&address)) {
        qapi::VsockSocketAddress out{.cid = std::to_string(vsock->cid), .port = std::to_string(vsock->port)};
        return {.type = qapi::SocketAddressType::Vsock, .u = std::move(out)};
    }
    qapi::FdSocketAddress out{.str = std::to_string(std::get<FdAddress>(address).number)};
    return {.type = qapi::SocketAddressType::Fd, .u = std::move(out)};
}

}  // namespace

void Networks::stream_connected(const std::string& id, const SocketAddress& address) {
    if (events_ == nullptr) return;
    qapi::emit<qapi::NetdevStreamConnectedEvent>(*events_,
                                                 {.netdev_id = id, .addr = schema_address(address)});
}

void Networks::stream_disconnected(const std::string& id) {
    if (events_ != nullptr) qapi::emit<qapi::NetdevStreamDisconnectedEvent>(*events_, {.netdev_id = id});
}

net::Client* Networks::find(const std::string& id) const {
    for (const auto& client : clients_)
        if (client->id() == id) return client.get();
    return nullptr;
}

Status Networks::remove(const std::string& id) {
    const auto at =
        std::find_if(clients_.begin(), clients_.end(),
                     [&](const std::unique_ptr<net::Client>& client) { return client->id() == id; });
    if (at == clients_.end())
        return Error::of_class(ErrorClass::DeviceNotFound, "Device '%s' not found", id.c_str());
    clients_.erase(at);
    return {};
}

Status Networks::announce(const qapi::AnnounceParameters& asked) {
    constexpr int64_t kMostMs = 100'000, kMostRounds = 1000;
    for (auto [name, value, most] :
         {std::tuple("initial", asked.initial, kMostMs), std::tuple("max", asked.max, kMostMs),
          std::tuple("rounds", asked.rounds, kMostRounds), std::tuple("step", asked.step, kMostMs)})
        if (value < 0 || value > most)
            return Error::make("Parameter '%s' expects a value between 0 and %lld", name,
                               static_cast<long long>(most));
    const std::string id = asked.id.value_or("");
    announcements_.erase(id);
    if (asked.rounds == 0) return {};
    auto made = std::make_unique<Announcement>(loop_, asked, [this, id] {
        const auto at = announcements_.find(id);
        if (at != announcements_.end()) announce_once(*at->second);
    });
    Announcement& announcement = *announcements_.emplace(id, std::move(made)).first->second;
    announce_once(announcement);
    return {};
}

void Networks::announce_once(Announcement& announcement) {
    const auto& wanted = announcement.parameters.interfaces;
    for (const auto& client : clients_) {
        if (client->peer() == nullptr) continue;
        if (wanted && std::find(wanted->begin(), wanted->end(), client->id()) == wanted->end()) continue;
        client->peer()->announce();
    }
    if (--announcement.left <= 0) return;
    announcement.timer.arm_at(monotonic_ns() + announcement.pause * 1'000'000);
    announcement.pause =
        std::min(announcement.pause + announcement.parameters.step, announcement.parameters.max);
}

}  // namespace vmm
