// Options about the process: -name, -uuid, -pidfile, -D, -d, -trace, -msg.
#include <fnmatch.h>

#include <algorithm>
#include <cerrno>
#include <fstream>

#include "qapi/convert.h"
#include "qapi/types_process.h"
#include "system/control/cli/builder_priv.h"
#include "system/control/cli/help_priv.h"
#include "util/log.h"
#include "util/text.h"
#include "util/trace.h"

namespace vmm::cli {
namespace {

bool is_help(const std::string& value) {
    return value == "help" || value == "?";
}

Status set_path(std::optional<std::string>& path, const std::string& value) {
    if (value.empty()) return Error::make("expected a path");
    path = value;
    return {};
}

// A name without wildcards must be an event; a pattern must match one. The list is empty in programs without
// events.
Status add_pattern(ProcessConfig& process, std::string_view pattern) {
    std::string glob(pattern.starts_with("-") ? pattern.substr(1) : pattern);
    auto matches = [&](const TraceEvent* event) { return fnmatch(glob.c_str(), event->name, 0) == 0; };
    auto events = trace_events();
    if (!events.empty() && std::none_of(events.begin(), events.end(), matches))
        return Error::make("no trace event matches %s", qapi::brief(qapi::Value(pattern)).c_str())
            .with_hint("-trace help lists them");
    process.trace_patterns.emplace_back(pattern);
    return {};
}

Status set_log_item(ProcessConfig& process, std::string_view name) {
    constexpr std::string_view kTrace = "trace:";
    if (name.starts_with(kTrace)) return add_pattern(process, name.substr(kTrace.size()));
    std::vector<std::string_view> names;
    for (const LogItemName& item : log_item_names()) {
        names.push_back(item.name);
        if (item.name != name) continue;
        process.log_items |= static_cast<uint32_t>(item.item);
        return {};
    }
    std::vector<std::string> known(names.begin(), names.end());
    return Error::make("there is no log item %s", qapi::brief(qapi::Value(name)).c_str())
        .with_hint("known: %s", join(known, ", ").c_str());
}

Status read_patterns(ProcessConfig& process, const std::string& path) {
    std::ifstream file(path);
    if (!file) return Error::from_errno(errno, "Parameter 'events': cannot open '%s'", path.c_str());
    for (std::string line; std::getline(file, line);) {
        std::string_view pattern = trim(line);
        if (!pattern.empty() && pattern[0] != '#') TRY(add_pattern(process, pattern));
    }
    return {};
}

}  // namespace

Status take_name(Builder& builder, const std::string& value) {
    qapi::Keyval parsed = TRY(qapi::parse_keyval(value, {.implied_key = "guest"}));
    if (parsed.help) {
        builder.print("-name options:\n" + members_help(qapi::kNameOptionsInfo.members));
        return {};
    }
    auto name = TRY(qapi::from_keyval<qapi::NameOptions>(parsed.dict));
    ProcessConfig& process = builder.line.configuration.process;
    if (name.guest) builder.line.configuration.machine.name = *name.guest;
    if (name.process) process.process_name = name.process;
    if (name.debug_threads) process.thread_names = *name.debug_threads;
    return {};
}

Status take_uuid(Builder& builder, const std::string& value) {
    builder.line.configuration.machine.uuid = TRY(Uuid::parse(value));
    return {};
}

Status take_pidfile(Builder& builder, const std::string& value) {
    return set_path(builder.line.configuration.process.pidfile, value);
}

Status take_log_file(Builder& builder, const std::string& value) {
    return set_path(builder.line.configuration.process.log_file, value);
}

Status take_log_items(Builder& builder, const std::string& value) {
    if (is_help(value)) {
        builder.print(log_items_help());
        return {};
    }
    for (std::string_view name : split(value, ','))
        TRY(set_log_item(builder.line.configuration.process, name));
    return {};
}

Status take_trace(Builder& builder, const std::string& value) {
    qapi::Keyval parsed = TRY(qapi::parse_keyval(value, {.implied_key = "enable"}));
    if (parsed.help) {
        builder.print(trace_help());
        return {};
    }
    auto trace = TRY(qapi::from_keyval<qapi::TraceOptions>(parsed.dict));
    ProcessConfig& process = builder.line.configuration.process;
    if (trace.enable) TRY(add_pattern(process, *trace.enable));
    if (trace.events) TRY(read_patterns(process, *trace.events));
    if (trace.file) {
        if (process.log_file && *process.log_file != *trace.file)
            return Error::make("Parameter 'file' contradicts -D %s, the log and the trace go to one file",
                               process.log_file->c_str());
        TRY(set_path(process.log_file, *trace.file));
    }
    return {};
}

Status take_message(Builder& builder, const std::string& value) {
    qapi::Keyval parsed = TRY(qapi::parse_keyval(value));
    if (parsed.help) {
        builder.print("-msg options:\n" + members_help(qapi::kMessageOptionsInfo.members));
        return {};
    }
    auto message = TRY(qapi::from_keyval<qapi::MessageOptions>(parsed.dict));
    ProcessConfig& process = builder.line.configuration.process;
    if (message.timestamp) process.message_timestamp = *message.timestamp;
    if (message.guest_name) process.message_guest_name = *message.guest_name;
    return {};
}

Status finish_process(Builder& builder) {
    if (builder.nographic && !builder.no_defaults && builder.line.configuration.process.daemonize)
        return Error::make("-nographic contradicts -daemonize, which has no terminal")
            .with_hint("use -display none and -serial file:PATH");
    const ProcessConfig& process = builder.line.configuration.process;
    if (process.sandbox && process.sandbox->deny_elevation && process.user)
        return Error::make("-sandbox elevateprivileges=deny contradicts -run-with user=%s",
                           process.user->c_str())
            .with_hint("use elevateprivileges=children");
    return {};
}

}  // namespace vmm::cli
