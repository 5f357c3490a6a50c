// What the guest said of the slots for processors and memory; see query_commands.h.
#include "hw/core/device_tree.h"
#include "hw/i386/q35_board.h"
#include "qapi/commands_hotplug.h"
#include "system/control/startup/machine_view.h"
#include "system/control/startup/query_commands.h"

namespace vmm {

namespace {

qapi::ACPIOSTInfo describe(const SlotReport& report) {
    qapi::ACPIOSTInfo info{
        .slot = std::to_string(report.slot),
        .slot_type =
            report.kind == SlotReport::Kind::Cpu ? qapi::ACPISlotType::CPU : qapi::ACPISlotType::DIMM,
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

}  // namespace

void tell_slot_report(qapi::EventSink& events, const SlotReport& report) {
    qapi::emit<qapi::AcpiDeviceOstEvent>(events, {.info = describe(report)});
}

void register_hotplug_commands(qapi::CommandTable& table, MachineView& view) {
    table.add<qapi::QueryAcpiOspmStatusCommand>([&view] { return list_reports(view); });
    table.add<qapi::QueryMemoryDevicesCommand>(
        [] { return Result<std::vector<qapi::MemoryDeviceInfo>>(std::vector<qapi::MemoryDeviceInfo>()); });
}

}  // namespace vmm
