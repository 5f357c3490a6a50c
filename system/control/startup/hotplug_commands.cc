// What the guest said of the slots for processors and memory; see query_commands.h.
#include <algorithm>

#include "hw/core/device_tree.h"
#include "hw/i386/q35_board.h"
#include "hw/mem/pc_dimm.h"
#include "qapi/commands_hotplug.h"
#include "system/control/startup/machine_view.h"
#include "system/control/startup/query_commands.h"

namespace vmm {

namespace {

qapi::ACPIOSTInfo describe(const SlotReport& report) {
    qapi::ACPIOSTInfo info{.slot = std::to_string(report.slot),
                           .slot_type = report.kind == SlotReport::Kind::Cpu ? qapi::ACPISlotType::CPU
                                                                             : qapi::ACPISlotType::DIMM,
                           .source = report.source,
                           .status = report.status};
    if (!report.device.empty()) info.device = report.device;
    return info;
}

Result<std::vector<qapi::ACPIOSTInfo>> list_reports(MachineView& view) {
    if (view.board() == nullptr || !view.configuration().machine.acpi)
        return Error::make("this machine has no ACPI");
    std::vector<qapi::ACPIOSTInfo> out;
    for (const SlotReport& report : view.board()->slot_reports())
        out.push_back(describe(report));
    return out;
}

std::vector<qapi::MemoryDeviceInfo> list_modules(MachineView& view) {
    std::vector<qapi::MemoryDeviceInfo> out;
    if (view.board() == nullptr) return out;
    for (const std::unique_ptr<DeviceNode>& node : view.board()->devices().nodes()) {
        const PcDimm* module = node->device->as_dimm();
        if (module == nullptr) continue;
        const PcDimm::Place& place = *module->place();
        qapi::PCDIMMDeviceInfo info{.addr = static_cast<int64_t>(place.range.first().raw()),
                                    .size = static_cast<int64_t>(place.range.size()),
                                    .slot = place.slot,
                                    .node = module->config().node,
                                    .memdev = "/objects/" + module->config().memdev,
                                    .hotplugged = node->hotplugged,
                                    .hotpluggable = true};
        if (!module->id().empty()) info.id = module->id();
        out.push_back(
            {.type = qapi::MemoryDeviceInfoKind::Dimm, .u = qapi::PCDIMMDeviceInfoWrapper{std::move(info)}});
    }
    // By address, as people read them.
    std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) {
        return std::get<qapi::PCDIMMDeviceInfoWrapper>(a.u).data.addr <
               std::get<qapi::PCDIMMDeviceInfoWrapper>(b.u).data.addr;
    });
    return out;
}

}  // namespace

void tell_slot_report(qapi::EventSink& events, const SlotReport& report) {
    qapi::emit<qapi::AcpiDeviceOstEvent>(events, {.info = describe(report)});
}

void register_hotplug_commands(qapi::CommandTable& table, MachineView& view) {
    table.add<qapi::QueryAcpiOspmStatusCommand>([&view] { return list_reports(view); });
    table.add<qapi::QueryMemoryDevicesCommand>(
        [&view] { return Result<std::vector<qapi::MemoryDeviceInfo>>(list_modules(view)); });
}

}  // namespace vmm
