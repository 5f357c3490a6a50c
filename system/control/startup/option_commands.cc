// query-command-line-options; see query_commands.h.
#include <algorithm>

#include "qapi/commands_machine_info.h"
#include "qapi/types_chardev.h"
#include "qapi/types_control.h"
#include "qapi/types_machine.h"
#include "qapi/types_process.h"
#include "qapi/types_run_state.h"
#include "system/control/startup/query_commands.h"

namespace vmm {

namespace {

struct Option {
    const char* name;  // as QEMU's clients know it
    const qapi::StructInfo* info;
};
constexpr Option kOptions[] = {
    {"accel", &qapi::kAccelOptionsInfo},        {"action", &qapi::kActionOptionsInfo},
    {"machine", &qapi::kMachineOptionsInfo},    {"memory", &qapi::kMemorySizeConfigurationInfo},
    {"mon", &qapi::kMonitorOptionsInfo},        {"msg", &qapi::kMessageOptionsInfo},
    {"name", &qapi::kNameOptionsInfo},          {"rtc", &qapi::kRtcOptionsInfo},
    {"sandbox", &qapi::kSandboxOptionsInfo},    {"overcommit", &qapi::kOvercommitOptionsInfo},
    {"add-fd", &qapi::kAddFdOptionsInfo},       {"run-with", &qapi::kRunWithOptionsInfo},
    {"smp-opts", &qapi::kSmpConfigurationInfo}, {"trace", &qapi::kTraceOptionsInfo},
};

qapi::CommandLineParameterType type_of(const qapi::MemberInfo& member) {
    using Type = qapi::CommandLineParameterType;
    if (member.type == "bool") return Type::Boolean;
    if (member.type == "size") return Type::Size;
    const bool number = member.type.starts_with("uint") || member.type.starts_with("int");
    return number ? Type::Number : Type::String;
}

// The schema's mark of what is refused unless it says off: to list it would be to say that one may ask for
// it, and management programs do (libvirt from 9.6 on switches async-teardown on where it is listed).
bool is_only_off(const qapi::MemberInfo& member) {
    return std::ranges::find(member.features, "only-off") != member.features.end();
}

// libvirt 9.0 takes hpet= among a machine's options for the loss of -no-hpet, and then refuses <timer
// name='hpet' present='yes'/>. Emulators of the version that query-version tells do not list it here either;
// qom-list-properties does.
bool is_untold(const Option& option, const qapi::MemberInfo& member) {
    return option.name == std::string_view("machine") && member.name == "hpet";
}

qapi::CommandLineOptionInfo describe(const Option& option) {
    qapi::CommandLineOptionInfo info{.option = option.name, .parameters = {}};
    for (const qapi::MemberInfo& member : option.info->members) {
        if (is_only_off(member) || is_untold(option, member)) continue;
        info.parameters.push_back(
            {.name = std::string(member.name), .type = type_of(member), .help = std::string(member.help)});
    }
    return info;
}

}  // namespace

void register_option_commands(qapi::CommandTable& table) {
    table.add<qapi::QueryCommandLineOptionsCommand>([](const qapi::QueryCommandLineOptionsArguments& asked)
                                                        -> Result<std::vector<qapi::CommandLineOptionInfo>> {
        std::vector<qapi::CommandLineOptionInfo> out;
        for (const Option& option : kOptions)
            if (!asked.option || *asked.option == option.name) out.push_back(describe(option));
        if (out.empty())
            return Error::make("there is no option %s with parameters",
                               qapi::brief(qapi::Value(*asked.option)).c_str());
        return out;
    });
}

}  // namespace vmm
