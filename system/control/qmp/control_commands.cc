// Commands about the monitor itself; see commands.h.
#include "qapi/commands_control.h"
#include "qapi/commands_introspect.h"
#include "qapi/json_parser.h"
#include "qapi/schema_text.h"
#include "system/control/qmp/commands.h"
#include "system/control/qmp/version.h"

namespace vmm {

void register_control_commands(qapi::CommandTable& table) {
    table.add<qapi::QmpCapabilitiesCommand>(
        [](const qapi::QmpCapabilitiesArguments& arguments, qapi::Caller& caller) {
            return caller.negotiate(arguments.enable && !arguments.enable->empty());
        });
    table.add<qapi::QueryVersionCommand>([] { return Result<qapi::VersionInfo>(version_info()); });
    table.add<qapi::QueryCommandsCommand>([&table] {
        std::vector<qapi::CommandDescription> names;
        for (const auto& [name, command] : table.all())
            names.push_back({std::string(name)});
        return Result<std::vector<qapi::CommandDescription>>(std::move(names));
    });
    table.add<qapi::QueryQmpSchemaCommand>([](const qapi::Dict& arguments) -> Result<qapi::Value> {
        if (!arguments.empty()) return Error::make("query-qmp-schema takes no arguments");
        return qapi::parse_json(qapi::kSchemaText);
    });
}

}  // namespace vmm
