// Options about monitors and what they can change later: -mon, -qmp, -qmp-pretty, -monitor, -action and its
// kin.
#include "qapi/convert.h"
#include "qapi/types_control.h"
#include "qapi/types_run_state.h"
#include "system/control/cli/builder_priv.h"
#include "system/control/cli/help_priv.h"

namespace vmm::cli {
namespace {

// The chardevs of -qmp and -monitor are named as QEMU names them.
Status add_short(Builder& builder, const std::string& text, bool control, bool pretty) {
    const std::string id = "compat_monitor" + std::to_string(builder.short_monitors++);
    LegacyChardev made = TRY(parse_legacy_chardev(text, id));
    if (made.chardev) builder.chardevs.push_back(std::move(*made.chardev));
    if (!made.id.empty())
        builder.line.configuration.monitors.push_back(
            {.chardev = made.id, .control = control, .pretty = pretty});
    return {};
}

}  // namespace

Status take_mon(Builder& builder, const std::string& value) {
    qapi::Keyval parsed = TRY(qapi::parse_keyval(value, {.implied_key = "chardev"}));
    if (parsed.help) {
        builder.print("-mon options:\n" + members_help(qapi::kMonitorOptionsInfo.members));
        return {};
    }
    auto options = TRY(qapi::from_keyval<qapi::MonitorOptions>(parsed.dict));
    const bool control = options.mode == qapi::MonitorMode::Control;
    if (options.pretty.value_or(false) && !control)
        return Error::make("Parameter 'pretty' is for mode=control");
    builder.line.configuration.monitors.push_back(
        {.chardev = options.chardev, .control = control, .pretty = options.pretty.value_or(false)});
    return {};
}

Status take_qmp(Builder& builder, const std::string& value) {
    return add_short(builder, value, true, false);
}

Status take_qmp_pretty(Builder& builder, const std::string& value) {
    return add_short(builder, value, true, true);
}

Status take_monitor(Builder& builder, const std::string& value) {
    return add_short(builder, value, false, false);
}

Status take_action(Builder& builder, const std::string& value) {
    qapi::Keyval parsed = TRY(qapi::parse_keyval(value));
    if (parsed.help) {
        builder.print("-action options:\n" + members_help(qapi::kActionOptionsInfo.members));
        return {};
    }
    apply(builder.line.configuration.actions, TRY(qapi::from_keyval<qapi::ActionOptions>(parsed.dict)));
    return {};
}

Status take_watchdog_action(Builder& builder, const std::string& value) {
    auto given = TRY(qapi::from_keyval<qapi::ActionOptions>(qapi::Dict{{"watchdog", value}}));
    apply(builder.line.configuration.actions, given);
    return {};
}

Status take_no_reboot(Builder& builder, const std::string&) {
    builder.line.configuration.actions.reboot = qapi::RebootAction::Shutdown;
    return {};
}

Status take_no_shutdown(Builder& builder, const std::string&) {
    builder.line.configuration.actions.shutdown = qapi::ShutdownAction::Pause;
    return {};
}

Status take_preconfig(Builder& builder, const std::string&) {
    builder.line.configuration.preconfig = true;
    return {};
}

}  // namespace vmm::cli
