// Commands about memory and objects; see query_commands.h.
#include "qapi/commands_machine_info.h"
#include "qapi/commands_qom.h"
#include "system/control/startup/machine_view.h"
#include "system/control/startup/query_commands.h"

namespace vmm {

namespace {

qapi::Memdev describe(const MemoryBackend& backend) {
    const MemoryBackendConfig& config = backend.config();
    const bool file_like =
        config.kind == MemoryBackendKind::Memfd || config.kind == MemoryBackendKind::GuestMemfd;
    return {.id = config.id,
            .size = backend.size(),
            .merge = config.merge.value_or(true),
            .dump = config.dump.value_or(true),
            .prealloc = config.prealloc.value_or(false),
            .share = config.share.value_or(file_like),
            .reserve = config.reserve.value_or(true),
            .host_nodes = config.host_nodes,
            .policy = static_cast<qapi::HostMemPolicy>(config.policy)};
}

}  // namespace

void register_memory_commands(qapi::CommandTable& table, MachineView& view) {
    static_assert(static_cast<int>(HostMemPolicy::Interleave) ==
                  static_cast<int>(qapi::HostMemPolicy::Interleave));
    table.add<qapi::QueryMemorySizeSummaryCommand>([&view] {
        const bool there = view.board() != nullptr;
        return Result<qapi::MemoryInfo>(qapi::MemoryInfo{
            .base_memory = there ? view.configuration().machine.memory.size : 0, .plugged_memory = 0});
    });
    table.add<qapi::QueryMemdevCommand>([&view] {
        std::vector<qapi::Memdev> out;
        for (const std::unique_ptr<MemoryBackend>& backend : view.memory_backends())
            out.push_back(describe(*backend));
        return Result<std::vector<qapi::Memdev>>(std::move(out));
    });
    table.add<qapi::ObjectAddCommand>(
        [&view](const qapi::ObjectOptions& options) { return view.add_object(options); });
    table.add<qapi::ObjectDelCommand>(
        [&view](const qapi::ObjectDelArguments& arguments) { return view.delete_object(arguments.id); });
}

}  // namespace vmm
