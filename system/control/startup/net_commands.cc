// Commands about network back ends; see query_commands.h.
#include "backends/net/options.h"
#include "hw/core/device_tree.h"
#include "hw/i386/q35_board.h"
#include "qapi/commands_net.h"
#include "qapi/event_sink.h"
#include "system/control/startup/machine_view.h"
#include "system/control/startup/networks.h"
#include "system/control/startup/query_commands.h"

namespace vmm {

namespace {

Status add(MachineView& view, FdStore& fds, const qapi::Netdev& netdev) {
    net::NetdevConfig config = TRY(net::netdev_config(netdev, &fds));
    if (auto* user = std::get_if<net::UserConfig>(&config.backend)) {
        constexpr std::string_view kPrefix = "chardev:";
        for (net::GuestForward& forward : user->guest_forwards) {
            if (!forward.command.empty()) continue;
            if (!forward.chardev.starts_with(kPrefix))
                return Error::make("guestfwd: '%s' is not chardev:ID or cmd:COMMAND",
                                   forward.chardev.c_str());
            forward.chardev.erase(0, kPrefix.size());
        }
    }
    return view.networks().add(config);
}

// By its own id or by that of the card on it.
net::Client* find_client(MachineView& view, const std::string& name) {
    if (net::Client* client = view.networks().find(name)) return client;
    const DeviceNode* node = view.board() == nullptr ? nullptr : view.board()->devices().find(name);
    return node == nullptr ? nullptr : view.networks().find(node->text("netdev"));
}

// ---- filters ----

qapi::RxState state_of(net::RxFilter::Mode mode) {
    using Mode = net::RxFilter::Mode;
    return mode == Mode::Listed ? qapi::RxState::Normal
           : mode == Mode::None ? qapi::RxState::None
                                : qapi::RxState::All;
}

qapi::RxFilterInfo info_of(const net::RxFilter& filter) {
    qapi::RxFilterInfo info{.name = filter.card,
                            .promiscuous = filter.promiscuous,
                            .multicast = state_of(filter.multicast),
                            .unicast = state_of(filter.unicast),
                            .vlan = state_of(filter.vlan),
                            .broadcast_allowed = filter.broadcast,
                            .multicast_overflow = filter.multicast_overflow,
                            .unicast_overflow = filter.unicast_overflow,
                            .main_mac = filter.main_mac,
                            .vlan_table = {filter.vlans.begin(), filter.vlans.end()},
                            .unicast_table = filter.unicast_table,
                            .multicast_table = filter.multicast_table};
    return info;
}

Result<std::vector<qapi::RxFilterInfo>> rx_filters(MachineView& view,
                                                   const std::optional<std::string>& name) {
    std::vector<qapi::RxFilterInfo> out;
    for (const std::unique_ptr<net::Client>& client : view.networks().all()) {
        const std::optional<net::RxFilter> filter =
            client->peer() != nullptr ? client->peer()->rx_filter() : std::nullopt;
        if (!filter || (name && *name != filter->card)) continue;
        client->watch_filter_again();
        out.push_back(info_of(*filter));
    }
    if (!name || !out.empty()) return out;
    if (view.networks().find(*name) != nullptr)
        return Error::make("net client(%s) isn't a NIC", name->c_str());
    return Error::make("invalid net client name: %s", name->c_str());
}

}  // namespace

void tell_filter_changed(MachineView& view, qapi::EventSink& events, const net::Client& client) {
    if (view.board() == nullptr) return;
    for (const std::unique_ptr<DeviceNode>& node : view.board()->devices().nodes()) {
        if (node->text("netdev") != client.id()) continue;
        qapi::NicRxFilterChangedEventData data{.name = {}, .path = node->path};
        if (!node->device->behind().empty()) data.path += "/virtio-backend";
        if (!node->request.id.empty()) data.name = node->request.id;
        qapi::emit<qapi::NicRxFilterChangedEvent>(events, data);
    }
}

void register_net_commands(qapi::CommandTable& table, MachineView& view, FdStore& fds) {
    table.add<qapi::NetdevAddCommand>(
        [&view, &fds](const qapi::Netdev& netdev) { return add(view, fds, netdev); });
    table.add<qapi::NetdevDelCommand>(
        [&view](const qapi::NetdevDelArguments& asked) { return view.networks().remove(asked.id); });
    table.add<qapi::SetLinkCommand>([&view](const qapi::SetLinkArguments& asked) -> Status {
        net::Client* client = find_client(view, asked.name);
        if (client == nullptr)
            return Error::of_class(ErrorClass::DeviceNotFound, "Device '%s' not found", asked.name.c_str());
        client->set_link(asked.up);
        return {};
    });
    table.add<qapi::QueryRxFilterCommand>(
        [&view](const qapi::QueryRxFilterArguments& asked) { return rx_filters(view, asked.name); });
    table.add<qapi::AnnounceSelfCommand>(
        [&view](const qapi::AnnounceParameters& asked) { return view.networks().announce(asked); });
}

}  // namespace vmm
