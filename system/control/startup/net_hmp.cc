// Commands for people about user networking: ports of the host that lead to the guest, and its connections.
#include "backends/net/client.h"
#include "backends/net/options.h"
#include "system/control/hmp/table.h"
#include "system/control/startup/machine_view.h"
#include "system/control/startup/networks.h"
#include "system/control/startup/query_commands.h"

namespace vmm {

namespace {

// "[NETDEV] RULE": without a name, the first network that forwards.
Result<net::HostPorts*> ports_of(MachineView& view, const HmpLine& line) {
    if (line.words.size() != 1 && line.words.size() != 2)
        return Error::make("%s takes [NETDEV] RULE", line.command.c_str());
    if (line.words.size() == 2) {
        net::Client* client = view.networks().find(line.word(0));
        if (client == nullptr) return Error::make("there is no network back end '%s'", line.word(0).c_str());
        if (client->host_ports() == nullptr)
            return Error::make("network back end '%s' is of type %s: only user networking forwards ports",
                               line.word(0).c_str(), std::string(client->type()).c_str());
        return client->host_ports();
    }
    for (const std::unique_ptr<net::Client>& client : view.networks().all())
        if (client->host_ports() != nullptr) return client->host_ports();
    return Error::make("there is no user networking; netdev_add user,id=ID makes some");
}

Result<std::string> add(MachineView& view, const HmpLine& line) {
    net::HostPorts* ports = TRY(ports_of(view, line));
    TRY(ports->add_forward(TRY(net::parse_host_forward(line.words.back()))));
    return std::string();
}

Result<std::string> remove(MachineView& view, const HmpLine& line) {
    net::HostPorts* ports = TRY(ports_of(view, line));
    TRY(ports->remove_forward(TRY(net::parse_host_port(line.words.back()))));
    return "host forwarding rule for " + line.words.back() + " removed";
}

std::string connections(MachineView& view) {
    std::string out;
    for (const std::unique_ptr<net::Client>& client : view.networks().all())
        if (net::HostPorts* ports = client->host_ports()) out += client->id() + ":\n" + ports->connections();
    return out.empty() ? "there is no user networking" : out;
}

}  // namespace

void register_hmp_net_commands(HmpTable& table, MachineView& view) {
    table.add({"hostfwd_add", "[netdev] [tcp|udp]:[host]:port-[guest]:port",
               "leads a port of the host to the guest",
               [&view](const HmpLine& line) { return add(view, line); }});
    table.add({"hostfwd_remove", "[netdev] [tcp|udp]:[host]:port", "no longer leads it there",
               [&view](const HmpLine& line) { return remove(view, line); }});
    table.add_info({"usernet", "", "the connections of user networking",
                    [&view](const HmpLine&) { return Result<std::string>(connections(view)); }});
}

}  // namespace vmm
