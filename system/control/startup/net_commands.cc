// Commands about network back ends; see query_commands.h.
#include "backends/net/options.h"
#include "hw/core/device_tree.h"
#include "hw/i386/q35_board.h"
#include "qapi/commands_net.h"
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
    if (node == nullptr) return nullptr;
    const Property* row = find_property(node->request.type->properties, "netdev");
    if (row == nullptr) return nullptr;
    const qapi::Value value = write_property(*row, node->request.config->data());
    return value.if_string() == nullptr ? nullptr : view.networks().find(*value.if_string());
}

}  // namespace

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
    table.add<qapi::AnnounceSelfCommand>(
        [&view](const qapi::AnnounceParameters& asked) { return view.networks().announce(asked); });
}

}  // namespace vmm
