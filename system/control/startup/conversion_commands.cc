// What is private and what is shared, and the conversions between them; see query_commands.h.
#include <algorithm>

#include "hw/i386/guest_conversions.h"
#include "hw/i386/q35_board.h"
#include "qapi/commands_conversion.h"
#include "system/control/startup/machine_view.h"
#include "system/control/startup/query_commands.h"
#include "system/memory/conversion.h"
#include "util/event_loop.h"

namespace vmm {

namespace {

constexpr uint32_t kUsualRuns = 1024, kMostRuns = 65536;

Result<const ConversionEngine*> engine_of(MachineView& view) {
    const ConversionEngine* engine = view.board() == nullptr ? nullptr : view.board()->conversions();
    if (engine == nullptr) return Error::make("this machine has no private memory");
    return engine;
}

qapi::MemoryVisibility name_of(Visibility visibility) {
    return visibility == Visibility::Private ? qapi::MemoryVisibility::Private
                                             : qapi::MemoryVisibility::Shared;
}

// The guest's NUMA node whose backend this block is; nothing on machines without nodes.
std::optional<uint32_t> node_of(const MachineView& view, const RamBlock& block) {
    const std::vector<NumaNodeConfig>& nodes = view.configuration().machine.memory.nodes;
    for (uint32_t node = 0; node < nodes.size(); ++node)
        for (const std::unique_ptr<MemoryBackend>& backend : view.memory_backends())
            if (backend->id() == nodes[node].memory_backend && &backend->ram() == &block) return node;
    return std::nullopt;
}

std::vector<qapi::MemoryVisibilityBlock> list_blocks(MachineView& view) {
    std::vector<qapi::MemoryVisibilityBlock> out;
    for (const std::unique_ptr<MemoryBackend>& backend : view.memory_backends()) {
        const RamBlock& block = backend->ram();
        if (!block.has_private_side()) continue;
        const RamRange all = RamRange::of(RamOffset(0), block.size());
        qapi::MemoryVisibilityBlock one{.block = block.id(),
                                        .private_bytes = block.visibility().bytes(all, Visibility::Private),
                                        .shared_bytes = block.visibility().bytes(all, Visibility::Shared)};
        one.node = node_of(view, block);
        out.push_back(std::move(one));
    }
    return out;
}

Result<qapi::MemoryVisibilityMap> show_map(MachineView& view,
                                           const qapi::PenumbraQueryMemoryVisibilityArguments& asked) {
    const ConversionEngine* engine = TRY(engine_of(view));
    const uint32_t limit = asked.limit.value_or(kUsualRuns);
    if (limit == 0 || limit > kMostRuns) return Error::make("Parameter 'limit' expects 1 to %u", kMostRuns);
    qapi::MemoryVisibilityMap map{.private_bytes = engine->bytes(Visibility::Private),
                                  .shared_bytes = engine->bytes(Visibility::Shared)};
    map.both_bytes = engine->both_bytes();
    map.private_resident_bytes = engine->resident_bytes(Visibility::Private);
    map.shared_resident_bytes = engine->resident_bytes(Visibility::Shared);
    map.blocks = list_blocks(view);
    for (const MapRun& run : engine->map(Gpa(asked.address.value_or(0)), limit))
        map.runs.push_back({.address = run.gpa.first().raw(),
                            .size = run.gpa.size(),
                            .visibility = name_of(run.visibility),
                            .block = run.block->id(),
                            .offset = run.offset.raw()});
    if (map.runs.size() == limit) map.next = map.runs.back().address + map.runs.back().size;
    return map;
}

qapi::ConversionRecord describe(const ConversionRecord& record) {
    return {.start_ns = record.start_ns,
            .duration_ns = record.duration_ns,
            .address = record.range.first().raw(),
            .size = record.range.size(),
            .to = name_of(record.to),
            .outcome = static_cast<qapi::ConversionOutcome>(record.outcome),
            .changed_bytes = record.bytes_changed};
}

// Conversions a second over those remembered, up to now.
double rate_of(const std::vector<ConversionRecord>& recent) {
    if (recent.size() < 2) return 0;
    const uint64_t now = static_cast<uint64_t>(monotonic_ns()), first = recent.front().start_ns;
    return now <= first ? 0 : static_cast<double>(recent.size()) * 1e9 / static_cast<double>(now - first);
}

Result<qapi::ConversionInfo> show_conversions(MachineView& view) {
    const ConversionEngine* engine = TRY(engine_of(view));
    static_assert(static_cast<int>(qapi::ConversionOutcome::Inconsistent) ==
                  static_cast<int>(ConversionOutcome::Inconsistent));
    const ConversionCounters done = engine->stats().counters();
    const std::vector<ConversionRecord> recent = engine->stats().recent();
    qapi::ConversionInfo info{.to_private = done.to_private,
                              .to_shared = done.to_shared,
                              .unchanged = done.unchanged,
                              .refused = done.refused,
                              .failed = done.failed,
                              .inconsistent = done.inconsistent,
                              .bytes_to_private = done.bytes_to_private,
                              .bytes_to_shared = done.bytes_to_shared,
                              .attribute_calls = done.calls.attribute,
                              .discard_calls = done.calls.discard,
                              .discarded_bytes = done.calls.discarded_bytes,
                              .retries = done.calls.retries,
                              .duration_ns = done.duration_ns,
                              .rate = rate_of(recent)};
    const ConversionLimit& limit = view.board()->guest_conversions()->limit();
    info.limit = limit.rate();
    info.delayed = limit.delayed();
    info.delay_ns = limit.delay_ns();
    info.latency_us.assign(done.latency.begin(), done.latency.end());
    for (const ConversionRecord& record : recent)
        info.recent.push_back(describe(record));
    return info;
}

Status set_limit(MachineView& view, const qapi::PenumbraSetConversionLimitArguments& asked) {
    (void)TRY(engine_of(view));
    if (asked.rate > ConversionLimit::kMostRate)
        return Error::make("Parameter 'rate' expects 0 to %llu",
                           static_cast<unsigned long long>(ConversionLimit::kMostRate));
    view.board()->guest_conversions()->limit().set_rate(asked.rate);
    return {};
}

}  // namespace

void watch_conversions(GuestConversions* conversions, qapi::EventSink& events) {
    if (conversions == nullptr) return;
    const ConversionStats& stats = conversions->engine().stats();
    conversions->engine().set_failure_watcher([&events, &stats](const FailedConversion& failed) {
        const ConversionCounters done = stats.counters();
        qapi::emit<qapi::PenumbraConversionFailedEvent>(
            events, {.address = failed.range.first().raw(),
                     .size = failed.range.size(),
                     .to = name_of(failed.to),
                     .outcome = static_cast<qapi::ConversionOutcome>(failed.outcome),
                     .why = failed.why.text(),
                     .count = done.refused + done.failed + done.inconsistent});
    });
    ConversionLimit& limit = conversions->limit();
    limit.set_watcher([&events, &limit] {
        qapi::emit<qapi::PenumbraConversionsDelayedEvent>(
            events, {.limit = limit.rate(), .delayed = limit.delayed()});
    });
}

void register_conversion_commands(qapi::CommandTable& table, MachineView& view) {
    table.add<qapi::PenumbraQueryMemoryVisibilityCommand>(
        [&view](const qapi::PenumbraQueryMemoryVisibilityArguments& asked) { return show_map(view, asked); });
    table.add<qapi::PenumbraSetConversionLimitCommand>(
        [&view](const qapi::PenumbraSetConversionLimitArguments& asked) { return set_limit(view, asked); });
    table.add<qapi::PenumbraQueryConversionsCommand>([&view] { return show_conversions(view); });
}

}  // namespace vmm
