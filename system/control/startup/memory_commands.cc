// Commands about memory and objects; see query_commands.h.
#include <fcntl.h>

#include <algorithm>

#include "backends/iothread/iothread.h"
#include "hw/i386/q35_board.h"
#include "qapi/commands_machine_info.h"
#include "qapi/commands_misc.h"
#include "qapi/commands_qom.h"
#include "system/control/startup/machine_view.h"
#include "system/control/startup/query_commands.h"
#include "system/memory/address_space.h"
#include "system/run/vcpus.h"

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

// Piece by piece: the guest's memory may be larger than what the host has left.
Status save(MachineView& view, const qapi::PmemsaveArguments& asked) {
    if (view.board() == nullptr) return Error::make("this machine has no memory");
    constexpr uint64_t kPiece = 1u << 20;
    if (asked.size != 0 && asked.val > UINT64_MAX - (asked.size - 1))
        return Error::make("Parameter 'size' reaches beyond the end of the addresses");
    Fd file = TRY(open_file(asked.filename, O_WRONLY | O_CREAT | O_TRUNC, 0600));
    std::vector<uint8_t> bytes;
    for (uint64_t done = 0; done < asked.size; done += bytes.size()) {
        bytes.resize(static_cast<size_t>(std::min(kPiece, asked.size - done)));
        if (view.board()->memory().read(Gpa(asked.val + done), bytes) != AccessResult::Ok)
            return Error::make("there is no memory at 0x%llx",
                               static_cast<unsigned long long>(asked.val + done));
        TRY(write_full(file.get(), bytes));
    }
    return {};
}

// Page by page: adjacent ones need not lie together.
Status save_linear(MachineView& view, const qapi::MemsaveArguments& asked) {
    if (view.board() == nullptr) return Error::make("this machine has no memory");
    const int64_t cpu = asked.cpu_index.value_or(0);
    Vcpus& vcpus = view.board()->vcpus();
    if (cpu < 0 || cpu > UINT32_MAX || !vcpus.has(VcpuId(static_cast<uint32_t>(cpu))))
        return Error::make("Parameter 'cpu-index' expects the number of a processor");
    if (asked.size != 0 && asked.val > UINT64_MAX - (asked.size - 1))
        return Error::make("Parameter 'size' reaches beyond the end of the addresses");
    Fd file = TRY(open_file(asked.filename, O_WRONLY | O_CREAT | O_TRUNC, 0600));
    constexpr uint64_t kPage = 4096;
    std::vector<uint8_t> bytes;
    for (uint64_t done = 0; done < asked.size; done += bytes.size()) {
        const uint64_t at = asked.val + done;
        bytes.resize(static_cast<size_t>(std::min(kPage - at % kPage, asked.size - done)));
        const uint64_t gpa = TRY(vcpus.translate(VcpuId(static_cast<uint32_t>(cpu)), at));
        if (view.board()->memory().read(Gpa(gpa), bytes) != AccessResult::Ok)
            return Error::make("there is no memory at 0x%llx", static_cast<unsigned long long>(gpa));
        TRY(write_full(file.get(), bytes));
    }
    return {};
}

}  // namespace

void register_memory_commands(qapi::CommandTable& table, MachineView& view) {
    static_assert(static_cast<int>(HostMemPolicy::Interleave) ==
                  static_cast<int>(qapi::HostMemPolicy::Interleave));
    table.add<qapi::QueryMemorySizeSummaryCommand>([&view] {
        const bool there = view.board() != nullptr;
        const uint64_t plugged = there ? view.board()->module_bytes() : 0;
        return Result<qapi::MemoryInfo>(qapi::MemoryInfo{
            .base_memory = there ? view.configuration().machine.memory.size : 0, .plugged_memory = plugged});
    });
    table.add<qapi::QueryMemdevCommand>([&view] {
        std::vector<qapi::Memdev> out;
        for (const std::unique_ptr<MemoryBackend>& backend : view.memory_backends())
            out.push_back(describe(*backend));
        return Result<std::vector<qapi::Memdev>>(std::move(out));
    });
    table.add<qapi::PmemsaveCommand>(
        [&view](const qapi::PmemsaveArguments& asked) { return save(view, asked); });
    table.add<qapi::MemsaveCommand>(
        [&view](const qapi::MemsaveArguments& asked) { return save_linear(view, asked); });
    table.add<qapi::QueryIothreadsCommand>([&view] {
        std::vector<qapi::IOThreadInfo> out;
        for (const std::unique_ptr<IoThread>& thread : view.iothreads())
            out.push_back({.id = thread->config().id,
                           .thread_id = thread->thread_id(),
                           .poll_max_ns = thread->config().poll.max_ns,
                           .poll_grow = static_cast<int64_t>(thread->config().poll.grow),
                           .poll_shrink = static_cast<int64_t>(thread->config().poll.shrink)});
        return Result<std::vector<qapi::IOThreadInfo>>(std::move(out));
    });
    table.add<qapi::ObjectAddCommand>(
        [&view](const qapi::ObjectOptions& options) { return view.add_object(options); });
    table.add<qapi::ObjectDelCommand>(
        [&view](const qapi::ObjectDelArguments& arguments) { return view.delete_object(arguments.id); });
}

}  // namespace vmm
