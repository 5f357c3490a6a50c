// Trace events: named points in the code that cost one load while off. Each folder lists its events in a file
// `trace-events`; scripts/tracegen.py makes `<folder>/trace.h` with one inline function per event. Turned on
// by pattern
// (-trace 'kvm_*', -d trace:PATTERN); lines go where -D says. Thread-safe once the events are registered.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace vmm {

struct TraceEvent {
    const char* name;
    std::atomic<bool> enabled{false};
};

// Called once by main with every event of the program.
void trace_register(std::span<TraceEvent* const> events);
std::span<TraceEvent* const> trace_events();
// Turns the events that match the pattern (shell wildcards * and ?) on or off; a leading '-' in the pattern
// turns off. Returns how many match; a pattern may come before the events exist, then it counts nothing.
unsigned trace_enable(std::string_view pattern);
[[gnu::format(printf, 2, 3)]] void trace_emit(const TraceEvent& event, const char* format, ...);

}  // namespace vmm
