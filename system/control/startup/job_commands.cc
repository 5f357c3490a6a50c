// Commands about jobs and what changes the block graph; the events of jobs. See query_commands.h.
#include "backends/block/options/graph_commands.h"
#include "qapi/commands_block_jobs.h"
#include "qapi/commands_job.h"
#include "system/control/startup/job_events.h"
#include "system/control/startup/machine_view.h"
#include "system/control/startup/query_commands.h"
#include "system/control/startup/storage.h"

namespace vmm {

namespace {

using block::LongJob;

// A command that names a job and orders it something.
template <typename Command, typename Order>
void add_order(qapi::CommandTable& table, MachineView& view, Order order) {
    table.add<Command>([&view, order](const typename Command::Arguments& given) -> Status {
        LongJob* job = TRY(block::find_job(view.storage().jobs(), given.id));
        return order(*job);
    });
}

void register_orders(qapi::CommandTable& table, MachineView& view) {
    add_order<qapi::JobPauseCommand>(table, view, [](LongJob& job) { return job.pause(); });
    add_order<qapi::JobResumeCommand>(table, view, [](LongJob& job) { return job.resume(); });
    add_order<qapi::JobCancelCommand>(table, view, [](LongJob& job) { return job.cancel(true); });
    add_order<qapi::JobCompleteCommand>(table, view, [](LongJob& job) { return job.complete(); });
    add_order<qapi::JobDismissCommand>(table, view, [](LongJob& job) { return job.dismiss(); });
    add_order<qapi::JobFinalizeCommand>(table, view, [](LongJob& job) { return job.finalize(); });
}

template <typename Command, typename Order>
void add_block_order(qapi::CommandTable& table, MachineView& view, Order order) {
    table.add<Command>([&view, order](const typename Command::Arguments& given) -> Status {
        LongJob* job = TRY(block::find_block_job(view.storage().jobs(), given.device));
        return order(*job, given);
    });
}

void register_block_orders(qapi::CommandTable& table, MachineView& view) {
    add_block_order<qapi::BlockJobPauseCommand>(table, view, [](LongJob& job, auto&) { return job.pause(); });
    add_block_order<qapi::BlockJobResumeCommand>(table, view,
                                                 [](LongJob& job, auto&) { return job.resume(); });
    add_block_order<qapi::BlockJobCompleteCommand>(table, view,
                                                   [](LongJob& job, auto&) { return job.complete(); });
    add_block_order<qapi::BlockJobSetSpeedCommand>(
        table, view, [](LongJob& job, auto& given) { return job.set_speed(given.speed); });
    add_block_order<qapi::BlockJobCancelCommand>(table, view, [](LongJob& job, auto& given) -> Status {
        const bool force = given.force.value_or(false);
        if (job.paused() && !force)
            return Error::make("The block job for device '%s' is currently paused", job.id().c_str());
        return job.cancel(force);
    });
    add_order<qapi::BlockJobDismissCommand>(table, view, [](LongJob& job) { return job.dismiss(); });
    add_order<qapi::BlockJobFinalizeCommand>(table, view, [](LongJob& job) { return job.finalize(); });
}

// A command that starts a job.
template <typename Command, typename Start>
void add_start(qapi::CommandTable& table, MachineView& view, Start start) {
    table.add<Command>([&view, start](const typename Command::Arguments& given) {
        return start(view.storage().env(), view.storage().jobs(), given);
    });
}

void register_starts(qapi::CommandTable& table, MachineView& view) {
    add_start<qapi::BlockdevCreateCommand>(table, view, block::create_image);
    add_start<qapi::BlockCommitCommand>(table, view, block::block_commit);
    add_start<qapi::BlockStreamCommand>(table, view, block::block_stream);
    add_start<qapi::BlockdevMirrorCommand>(table, view, block::blockdev_mirror);
    add_start<qapi::BlockdevBackupCommand>(table, view, block::blockdev_backup);
}

void register_snapshots(qapi::CommandTable& table, MachineView& view) {
    table.add<qapi::BlockdevSnapshotCommand>([&view](const qapi::BlockdevSnapshot& given) {
        return block::snapshot(view.storage().env(), given);
    });
    table.add<qapi::BlockdevSnapshotSyncCommand>([&view](const qapi::BlockdevSnapshotSync& given) {
        return block::snapshot_sync(view.storage().env(), given);
    });
    table.add<qapi::ChangeBackingFileCommand>([&view](const qapi::ChangeBackingFileArguments& given) {
        return block::change_backing_file(view.storage().env(), given);
    });
    table.add<qapi::TransactionCommand>([&view](const qapi::TransactionArguments& given) {
        return block::transact(view.storage().env(), given.actions);
    });
}

}  // namespace

void register_job_commands(qapi::CommandTable& table, MachineView& view) {
    table.add<qapi::QueryJobsCommand>(
        [&view] { return Result<std::vector<qapi::JobInfo>>(block::query_jobs(view.storage().jobs())); });
    table.add<qapi::QueryBlockJobsCommand>([&view] {
        return Result<std::vector<qapi::BlockJobInfo>>(block::query_block_jobs(view.storage().jobs()));
    });
    register_starts(table, view);
    register_orders(table, view);
    register_block_orders(table, view);
    register_snapshots(table, view);
}

void JobReports::status_changed(const LongJob& job) {
    if (sink_ == nullptr) return;
    qapi::emit<qapi::JobStatusChangeEvent>(*sink_, {.id = job.id(), .status = block::status_of(job)});
}

namespace {

// The members that the events of block jobs have in common.
template <typename Data>
Data progress_of(const LongJob& job) {
    Data data{};
    data.type = block::type_of(job);
    data.device = job.id();
    data.len = static_cast<int64_t>(job.total());
    data.offset = static_cast<int64_t>(job.done());
    data.speed = job.speed();
    return data;
}

}  // namespace

void JobReports::ready(const LongJob& job) {
    if (sink_ == nullptr) return;
    qapi::emit<qapi::BlockJobReadyEvent>(*sink_, progress_of<qapi::BlockJobReadyEventData>(job));
}

void JobReports::pending(const LongJob& job) {
    if (sink_ == nullptr) return;
    qapi::emit<qapi::BlockJobPendingEvent>(*sink_, {.type = block::type_of(job), .id = job.id()});
}

void JobReports::ended(const LongJob& job, bool cancelled) {
    if (sink_ == nullptr) return;
    if (cancelled)
        return qapi::emit<qapi::BlockJobCancelledEvent>(*sink_,
                                                        progress_of<qapi::BlockJobCancelledEventData>(job));
    auto data = progress_of<qapi::BlockJobCompletedEventData>(job);
    if (!job.error().empty()) data.error = job.error();
    qapi::emit<qapi::BlockJobCompletedEvent>(*sink_, data);
}

void JobReports::failed(const LongJob& job, bool read, block::OnError action) {
    if (sink_ == nullptr) return;
    qapi::BlockJobErrorEventData data{};
    data.device = job.id();
    data.operation = read ? qapi::IoOperationType::Read : qapi::IoOperationType::Write;
    data.action = action == block::OnError::Stop     ? qapi::BlockErrorAction::Stop
                  : action == block::OnError::Ignore ? qapi::BlockErrorAction::Ignore
                                                     : qapi::BlockErrorAction::Report;
    qapi::emit<qapi::BlockJobErrorEvent>(*sink_, data);
}

}  // namespace vmm
