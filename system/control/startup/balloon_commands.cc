// balloon and query-balloon; see query_commands.h.
#include "hw/core/device_reports.h"
#include "hw/core/device_tree.h"
#include "hw/i386/q35_board.h"
#include "qapi/commands_machine_info.h"
#include "system/control/startup/machine_view.h"
#include "system/control/startup/query_commands.h"

namespace vmm {

namespace {

Result<BalloonControl*> find_balloon(MachineView& view) {
    if (view.board() != nullptr)
        for (const std::unique_ptr<DeviceNode>& node : view.board()->devices().nodes())
            if (BalloonControl* balloon = node->device->as_balloon()) return balloon;
    return Error::of_class(ErrorClass::DeviceNotActive, "there is no balloon device");
}

uint64_t ram_size(const MachineView& view) {
    return view.configuration().machine.memory.size;
}

Status set_balloon(MachineView& view, int64_t value) {
    BalloonControl* balloon = TRY(find_balloon(view));
    if (value <= 0) return Error::make("Parameter 'value' expects more than 0 bytes");
    const uint64_t wanted = std::min(static_cast<uint64_t>(value), ram_size(view));
    balloon->set_target(ram_size(view) - wanted);
    return {};
}

Result<qapi::BalloonInfo> query(MachineView& view) {
    const BalloonControl* balloon = TRY(find_balloon(view));
    const uint64_t gone = std::min(balloon->given_back(), ram_size(view));
    return qapi::BalloonInfo{.actual = static_cast<int64_t>(ram_size(view) - gone)};
}

}  // namespace

void register_balloon_commands(qapi::CommandTable& table, MachineView& view) {
    table.add<qapi::BalloonCommand>(
        [&view](const qapi::BalloonArguments& asked) { return set_balloon(view, asked.value); });
    table.add<qapi::QueryBalloonCommand>([&view] { return query(view); });
}

}  // namespace vmm
