// device_add and device_del; see query_commands.h.
#include "hw/core/device_request.h"
#include "hw/core/device_tree.h"
#include "hw/i386/q35_board.h"
#include "hw/misc/vmgenid.h"
#include "qapi/commands_machine_info.h"
#include "qapi/commands_qdev.h"
#include "system/control/startup/machine_view.h"
#include "system/control/startup/query_commands.h"

namespace vmm {

namespace {

Result<DeviceTree*> tree_of(MachineView& view) {
    if (view.board() == nullptr) return Error::make("this machine has no devices");
    return &view.board()->devices();
}

Result<qapi::Value> add(MachineView& view, const DeviceTypes& types, const qapi::Dict& options) {
    // Values of a type are read strictly when they are JSON's, and as text when the client sent text only.
    bool all_text = true;
    for (const qapi::Dict::Entry& entry : options)
        all_text &= entry.value.if_string() != nullptr;
    DeviceRequest request = TRY(parse_device(types, options, all_text ? Spelling::Text : Spelling::Json,
                                             view.configuration().machine.globals));
    DeviceTree* tree = TRY(tree_of(view));
    if (!request.type->info.hotpluggable)
        return Error::make("'%s' cannot be plugged in while the machine runs",
                           std::string(request.type->info.name).c_str());
    TRY(tree->add(request));
    return qapi::Value(qapi::Dict{});
}

Status remove(MachineView& view, const std::string& id) {
    DeviceTree* tree = TRY(tree_of(view));
    if (tree->find(id) == nullptr)
        return Error::of_class(ErrorClass::DeviceNotFound, "there is no device %s",
                               qapi::brief(qapi::Value(id)).c_str());
    return tree->request_removal(id);
}

Result<qapi::GuidInfo> generation_id(MachineView& view) {
    if (view.board() != nullptr)
        for (const std::unique_ptr<DeviceNode>& node : view.board()->devices().nodes())
            if (node->device->type() == VmGenId::kInfo.name)
                return qapi::GuidInfo{.guid = static_cast<const VmGenId&>(*node->device).guid().text()};
    return Error::make("VM Generation ID device not found");
}

}  // namespace

void register_device_commands(qapi::CommandTable& table, MachineView& view, const DeviceTypes& types) {
    table.add<qapi::DeviceAddCommand>(
        [&view, &types](const qapi::Dict& options) { return add(view, types, options); });
    table.add<qapi::QueryVmGenerationIdCommand>([&view] { return generation_id(view); });
    table.add<qapi::DeviceDelCommand>(
        [&view](const qapi::DeviceDelArguments& arguments) { return remove(view, arguments.id); });
}

}  // namespace vmm
