// The object tree as the monitor shows it: /machine with its devices, processors and parts, /objects,
// /chardevs; see query_commands.h.
#include "backends/chardev/chardev_set.h"
#include "backends/iothread/iothread.h"
#include "backends/rng/rng.h"
#include "backends/secret/secret.h"
#include "hw/core/device_tree.h"
#include "hw/i386/q35_board.h"
#include "system/control/startup/cpu_list.h"
#include "system/control/startup/machine_view.h"
#include "system/control/startup/query_commands.h"
#include "util/text.h"

namespace vmm {

namespace {

using Nodes = std::vector<QomNode>;
using Properties = std::vector<QomProperty>;

// A bus below the device that gives it, with links to what is plugged in.
QomNode bus_node(const DeviceBus& bus) {
    return {bus.bus_name(), std::string(bus.bus_type()), [&bus] {
                Properties out{constant_property("realized", "bool", true)};
                out.push_back(constant_property("hotpluggable", "bool", bus.hotpluggable()));
                return out;
            }};
}

Properties device_properties(const DeviceNode& node) {
    Properties out;
    for (const Property& row : node.request.type->properties) {
        qapi::Value value = write_property(row, node.request.config->data());
        // What was left open reads as nothing, in the way of its type.
        const std::string type(property_type_name(row));
        if (value.null()) value = type == "bool" ? qapi::Value(false) : qapi::Value("");
        out.push_back(constant_property(std::string(row.name), type, std::move(value)));
    }
    out.push_back(constant_property("realized", "bool", true));
    out.push_back(constant_property("hotplugged", "bool", node.hotplugged));
    out.push_back(constant_property(
        "hotpluggable", "bool",
        node.request.type->info.hotpluggable && node.bus != nullptr && node.bus->hotpluggable()));
    if (node.bus != nullptr)
        out.push_back(constant_property("parent_bus", "link<bus>", node.bus->bus_name()));
    for (QomProperty& property : node.device->live_properties())
        out.push_back(std::move(property));
    return out;
}

QomNode device_node(const DeviceNode& node, std::string name) {
    return {std::move(name), std::string(node.request.type->info.name),
            [&node] { return device_properties(node); },
            [&node] {
                Nodes out;
                if (!node.device->behind().empty())
                    out.push_back({"virtio-backend", std::string(node.device->behind()) + "-device",
                                   [] { return Properties{constant_property("realized", "bool", true)}; }});
                for (const DeviceBus* bus : node.device->buses())
                    out.push_back(bus_node(*bus));
                return out;
            }};
}

// The devices below one container: "/machine/peripheral/x" under "/machine/peripheral".
Nodes devices_under(MachineView& view, std::string_view folder) {
    Nodes out;
    if (view.board() == nullptr) return out;
    for (const std::unique_ptr<DeviceNode>& node : view.board()->devices().nodes()) {
        if (!node->path.starts_with(folder)) continue;
        std::string name = node->path.substr(folder.size());
        if (name.size() > 1 && name[0] == '/') out.push_back(device_node(*node, name.substr(1)));
    }
    return out;
}

QomNode cpu_node(const CpuEntry& cpu, const std::string& type, const CpuidPolicy& policy) {
    return {strf("device[%u]", cpu.index), type, [cpu, &policy] { return cpu_properties(cpu, policy); }};
}

// Processors first, as their numbers are part of their paths, then the board's own parts.
Nodes unattached(MachineView& view) {
    Nodes out;
    if (view.board() == nullptr) return out;
    const std::string type = machine_cpu_type(view);
    for (const CpuEntry& cpu : list_cpus(view))
        if (!cpu.qom_path.empty()) out.push_back(cpu_node(cpu, type, view.board()->cpu_policy()));
    for (const Device* part : view.board()->parts())
        out.push_back({strf("device[%zu]", out.size()), std::string(part->type()),
                       [] { return Properties{constant_property("realized", "bool", true)}; }});
    return out;
}

Properties machine_properties(const Configuration& configuration) {
    const MachineConfig& machine = configuration.machine;
    return {constant_property("hpet", "bool", machine.hpet),
            constant_property("hmat", "bool", machine.memory.hmat.has_value()),
            constant_property("i8042", "bool", machine.i8042),
            constant_property("graphics", "bool", machine.graphics),
            constant_property("mem-merge", "bool", configuration.mem_merge),
            constant_property("dump-guest-core", "bool", configuration.dump_guest_core),
            constant_property("conversion-limit", "uint32", uint64_t{machine.conversion_limit}),
            constant_property("memory-backend", "string", machine.memory.backend),
            constant_property("firmware", "string", machine.boot.bios),
            constant_property("kernel", "string", machine.boot.kernel),
            constant_property("initrd", "string", machine.boot.initrd),
            constant_property("append", "string", machine.boot.append),
            constant_property("dtb", "string", machine.boot.dtb),
            constant_property("confidential-guest-support", "link<confidential-guest-support>",
                              machine.confidential_guest_support)};
}

QomNode machine_node(MachineView& view) {
    std::string type = view.configuration().machine.type + "-machine";
    return {"machine", std::move(type), [&view] { return machine_properties(view.configuration()); },
            [&view] {
                return Nodes{
                    container("peripheral", [&view] { return devices_under(view, "/machine/peripheral"); }),
                    container("peripheral-anon",
                              [&view] { return devices_under(view, "/machine/peripheral-anon"); }),
                    container("unattached", [&view] { return unattached(view); })};
            }};
}

QomNode backend_node(const MemoryBackend& backend) {
    return {backend.id(), memory_backend_type_name(backend.config().kind), [&backend] {
                const MemoryBackendConfig& config = backend.config();
                return Properties{constant_property("size", "int", backend.size()),
                                  constant_property("share", "bool", config.share.value_or(false)),
                                  constant_property("merge", "bool", config.merge.value_or(true)),
                                  constant_property("dump", "bool", config.dump.value_or(true)),
                                  constant_property("prealloc", "bool", config.prealloc.value_or(false)),
                                  constant_property("reserve", "bool", config.reserve.value_or(true))};
            }};
}

Nodes objects(MachineView& view) {
    Nodes out;
    for (const std::unique_ptr<MemoryBackend>& backend : view.memory_backends())
        out.push_back(backend_node(*backend));
    for (const std::unique_ptr<IoThread>& thread : view.iothreads()) {
        const IoThread* one = thread.get();
        out.push_back({one->config().id, "iothread", [one] {
                           return Properties{
                               constant_property("poll-max-ns", "int", one->config().poll.max_ns),
                               constant_property("poll-grow", "int", one->config().poll.grow),
                               constant_property("poll-shrink", "int", one->config().poll.shrink),
                               constant_property("thread-pool-max", "int", one->config().thread_pool_max),
                               constant_property("thread-pool-min", "int", one->config().thread_pool_min)};
                       }});
    }
    for (const std::unique_ptr<Rng>& rng : view.rngs())
        out.push_back({rng->id(), std::string(rng->type())});
    for (const std::unique_ptr<Secret>& secret : view.secrets())
        out.push_back({secret->id(), "secret"});
    if (const auto& guest = view.configuration().confidential)
        out.push_back({guest->id, std::string(to_text(guest->qom_type))});
    return out;
}

Nodes chardevs(MachineView& view) {
    Nodes out;
    for (const auto& [id, chardev] : view.chardevs().all()) {
        const Chardev* one = chardev.get();
        out.push_back({id, "chardev", [one] {
                           return Properties{constant_property("connected", "bool", one->connected()),
                                             constant_property("filename", "string", one->filename())};
                       }});
    }
    return out;
}

}  // namespace

QomNode object_tree(MachineView& view) {
    return container("", [&view] {
        return Nodes{machine_node(view), container("objects", [&view] { return objects(view); }),
                     container("chardevs", [&view] { return chardevs(view); })};
    });
}

}  // namespace vmm
