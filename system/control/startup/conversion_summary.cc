// The closing trace events; see conversion_summary.h.
#include "system/control/startup/conversion_summary.h"

#include "system/control/startup/trace.h"
#include "system/memory/conversion.h"

namespace vmm {

namespace {
int64_t known_or_minus_one(std::optional<uint64_t> bytes) {
    return bytes ? static_cast<int64_t>(*bytes) : -1;
}
}  // namespace

void trace_summary(const ConversionEngine& engine) {
    const ConversionCounters done = engine.stats().counters();
    trace_machine_conversion_summary(done.to_private, done.to_shared, done.unchanged, done.refused,
                                     done.failed + done.inconsistent, done.bytes_to_private,
                                     done.bytes_to_shared, done.duration_ns, done.calls.discarded_bytes);
    // Looking at all of host memory takes its time.
    if (!trace_event_machine_memory_summary.enabled.load()) return;
    trace_machine_memory_summary(engine.bytes(Visibility::Shared), engine.bytes(Visibility::Private),
                                 known_or_minus_one(engine.resident_bytes(Visibility::Shared)),
                                 known_or_minus_one(engine.resident_bytes(Visibility::Private)),
                                 known_or_minus_one(engine.both_bytes()));
}

}  // namespace vmm
