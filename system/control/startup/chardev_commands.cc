// Commands about character devices; see query_commands.h.
#include "backends/chardev/chardev_set.h"
#include "qapi/commands_chardev.h"
#include "system/control/startup/machine_view.h"
#include "system/control/startup/query_commands.h"

namespace vmm {

void register_chardev_commands(qapi::CommandTable& table, MachineView& view) {
    table.add<qapi::QueryChardevCommand>([&view] {
        std::vector<qapi::ChardevInfo> out;
        for (const auto& [id, chardev] : view.chardevs().all())
            out.push_back(
                {.label = id, .filename = chardev->filename(), .frontend_open = chardev->frontend_open()});
        return Result<std::vector<qapi::ChardevInfo>>(std::move(out));
    });
    table.add<qapi::QueryChardevBackendsCommand>([] {
        std::vector<qapi::ChardevBackendInfo> out;
        for (std::string_view name : qapi::kChardevTypeInfo.values)
            out.push_back({std::string(name)});
        return Result<std::vector<qapi::ChardevBackendInfo>>(std::move(out));
    });
}

}  // namespace vmm
