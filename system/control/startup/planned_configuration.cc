// Machines for launch plans; see planned_configuration.h.
#include "system/control/startup/planned_configuration.h"

#include <algorithm>
#include <set>

#include "qapi/convert.h"

namespace vmm {

namespace {

using Names = std::set<std::string>;

// Names that a node's options give, at any depth, and every text in them, which may be the name of another.
void read_names(const qapi::Value& value, Names& given, Names& texts) {
    if (const std::string* text = value.if_string()) texts.insert(*text);
    if (const qapi::List* list = value.if_list())
        for (const qapi::Value& one : *list)
            read_names(one, given, texts);
    const qapi::Dict* dict = value.if_dict();
    if (dict == nullptr) return;
    if (const qapi::Value* name = dict->find("node-name"); name != nullptr && name->if_string() != nullptr)
        given.insert(*name->if_string());
    for (const auto& [key, member] : *dict)
        read_names(member, given, texts);
}

qapi::BlockdevOptions empty_disk(std::optional<std::string> name, std::optional<bool> read_only) {
    qapi::BlockdevOptions disk;
    disk.driver = qapi::BlockdevDriver::NullCo;
    disk.node_name = std::move(name);
    disk.read_only = read_only;
    disk.u = qapi::BlockdevOptionsNull();
    return disk;
}

qapi::BlockdevOptions read_only_disk(qapi::BlockdevOptions disk) {
    disk.read_only = true;
    disk.auto_read_only = std::nullopt;
    return disk;
}

// The firmware in flash is measured: what it is made of stays, to be read only.
std::vector<qapi::BlockdevOptions> planned_nodes(const std::vector<qapi::BlockdevOptions>& nodes,
                                                 Names needed) {
    std::vector<qapi::BlockdevOptions> planned;
    // Nodes refer to those before them.
    for (auto node = nodes.rbegin(); node != nodes.rend(); ++node) {
        Names given, texts;
        read_names(qapi::to_value(*node), given, texts);
        const bool keep =
            std::any_of(given.begin(), given.end(), [&](auto& name) { return needed.contains(name); });
        if (keep) {
            needed.merge(texts);
            planned.push_back(read_only_disk(*node));
            continue;
        }
        for (const std::string& name : given)
            planned.push_back(empty_disk(name, node->read_only));
    }
    std::reverse(planned.begin(), planned.end());
    return planned;
}

void plan_drive(block::DriveConfig& drive, bool is_flash) {
    drive.snapshot = false;
    drive.throttle = {};
    drive.throttle_group.clear();
    if (is_flash) {
        drive.read_only = true;
        for (auto* options : {&drive.image, &drive.file})
            if (*options) *options = read_only_disk(**options);
        return;
    }
    if (!drive.image && !drive.file) return;
    drive.file.reset();
    drive.rest = {};
    drive.image = empty_disk(std::nullopt, drive.read_only);
}

void plan_storage(block::StorageConfig& storage, const BootConfig& boot) {
    const Names flash(boot.flash.begin(), boot.flash.end());
    storage.throttle_groups.clear();
    storage.nodes = planned_nodes(storage.nodes, flash);
    for (block::DriveConfig& drive : storage.drives)
        plan_drive(drive, flash.contains(drive.id));
}

MemoryBackendConfig plain_memory(const MemoryBackendConfig& from) {
    MemoryBackendConfig memory;
    memory.id = from.id;
    memory.size = from.size;
    memory.reserve = false;  // nothing runs in it
    return memory;
}

}  // namespace

Configuration planned_configuration(const Configuration& configuration) {
    Configuration plan = configuration;
    plan.process = {};
    plan.monitors.clear();
    plan.secrets.clear();
    plan.qtest_chardev.reset();
    plan.qtest_log.reset();
    plan.preconfig = false;
    for (ChardevOptions& chardev : plan.chardevs)
        chardev.backend = ChardevNull();
    for (RngSourceConfig& source : plan.rngs)
        source.filename.reset();
    constexpr int32_t kFirstHub = 1 << 20;
    for (size_t i = 0; i < plan.netdevs.size(); ++i)
        plan.netdevs[i].backend =
            net::HubPortConfig{.hub = kFirstHub + static_cast<int32_t>(i), .netdev = {}};
    for (MemoryBackendConfig& memory : plan.memory_backends)
        memory = plain_memory(memory);
    plan_storage(plan.storage, plan.machine.boot);
    if (plan.confidential)
        if (auto* td = std::get_if<qapi::TdxGuestProperties>(&plan.confidential->u))
            td->quote_generation_socket.reset();
    return plan;
}

}  // namespace vmm
