// Commands about trace events; see commands.h.
#include <fnmatch.h>

#include "qapi/commands_misc.h"
#include "system/control/qmp/commands.h"
#include "util/trace.h"

namespace vmm {

namespace {

bool is_pattern(const std::string& name) {
    return name.find_first_of("*?[") != std::string::npos;
}

std::vector<TraceEvent*> matching(const std::string& pattern) {
    std::vector<TraceEvent*> out;
    for (TraceEvent* event : trace_events())
        if (fnmatch(pattern.c_str(), event->name, 0) == 0) out.push_back(event);
    return out;
}

Error no_such(const std::string& name) {
    return Error::make("there is no trace event %s", qapi::brief(qapi::Value(name)).c_str());
}

Result<std::vector<qapi::TraceEventInfo>> list(const std::string& name) {
    std::vector<qapi::TraceEventInfo> out;
    for (const TraceEvent* event : matching(name))
        out.push_back({.name = event->name,
                       .state = event->enabled.load() ? qapi::TraceEventState::Enabled
                                                      : qapi::TraceEventState::Disabled,
                       .vcpu = false});
    if (out.empty() && !is_pattern(name)) return no_such(name);
    return out;
}

Status set(const std::string& name, bool on) {
    std::vector<TraceEvent*> events = matching(name);
    if (events.empty() && !is_pattern(name)) return no_such(name);
    for (TraceEvent* event : events)
        event->enabled.store(on);
    return {};
}

}  // namespace

void register_trace_commands(qapi::CommandTable& table) {
    table.add<qapi::TraceEventGetStateCommand>(
        [](const qapi::TraceEventGetStateArguments& asked) { return list(asked.name); });
    table.add<qapi::TraceEventSetStateCommand>(
        [](const qapi::TraceEventSetStateArguments& asked) { return set(asked.name, asked.enable); });
}

}  // namespace vmm
