// Trace events; see trace.h. The list and the on/off flags are process-wide.
#include "util/trace.h"

#include <fnmatch.h>

#include <cstdarg>
#include <string>

#include "util/log.h"
#include "util/text.h"

namespace vmm {

namespace {
std::span<TraceEvent* const>& registered() {
    static std::span<TraceEvent* const> events;
    return events;
}
}  // namespace

void trace_register(std::span<TraceEvent* const> events) {
    registered() = events;
}
std::span<TraceEvent* const> trace_events() {
    return registered();
}

unsigned trace_enable(std::string_view pattern) {
    bool on = true;
    if (!pattern.empty() && pattern[0] == '-') {
        on = false;
        pattern.remove_prefix(1);
    }
    std::string glob(pattern);
    unsigned matches = 0;
    for (TraceEvent* event : registered()) {
        if (fnmatch(glob.c_str(), event->name, 0) != 0) continue;
        event->enabled.store(on, std::memory_order_relaxed);
        ++matches;
    }
    return matches;
}

void trace_emit(const TraceEvent& event, const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    std::string line = event.name;
    std::string text = vstrf(format, arguments);
    va_end(arguments);
    if (!text.empty()) line += " " + text;
    log_line(line);
}

}  // namespace vmm
