// The commands that start jobs on block nodes; see graph_commands.h.
#include "backends/block/jobs/copy.h"
#include "backends/block/jobs/job_filter.h"
#include "backends/block/options/graph_commands.h"
#include "backends/block/reopen.h"

namespace vmm::block {

namespace {

OnError on_error(const std::optional<qapi::BlockdevOnError>& asked) {
    switch (asked.value_or(qapi::BlockdevOnError::Report)) {
        case qapi::BlockdevOnError::Ignore:
            return OnError::Ignore;
        case qapi::BlockdevOnError::Enospc:
            return OnError::Enospc;
        case qapi::BlockdevOnError::Stop:
            return OnError::Stop;
        case qapi::BlockdevOnError::Report:
        case qapi::BlockdevOnError::Auto:
            return OnError::Report;
    }
    UNREACHABLE();
}

// What all of these commands have.
template <typename Options>
Result<JobConfig> job_config(const BlockEnv& env, const JobList& jobs, const Options& options, JobType type) {
    JobConfig config;
    if (!options.job_id && env.graph.find_drive(options.device) == nullptr)
        return Error::make("An explicit job ID is required for this node");
    config.id = options.job_id.value_or(options.device);
    config.type = type;
    config.speed = options.speed.value_or(0);
    config.auto_finalize = options.auto_finalize.value_or(true);
    config.auto_dismiss = options.auto_dismiss.value_or(true);
    if (config.speed < 0) return Error::make("Parameter 'speed' expects a non-negative value");
    TRY(jobs.check_id(config.id));
    return config;
}

template <typename Options>
Status check_filter_name(const BlockEnv& env, const Options& options) {
    if (!options.filter_node_name || env.graph.find(*options.filter_node_name) == nullptr) return {};
    return Error::make("Duplicate nodes with node-name='%s'", options.filter_node_name->c_str());
}

// The image of this name in the chain from the node on; by its file's name, or by its node's.
Result<Node*> in_chain(Node& from, const std::optional<std::string>& file,
                       const std::optional<std::string>& node_name, const char* what) {
    if (file && node_name)
        return Error::make("'%s-node' and '%s' cannot be specified at the same time", what, what);
    for (Node* node = &from; node != nullptr; node = backing_of(*node)) {
        if (file ? node->filename() == *file : node->name() == *node_name) return node;
    }
    return Error::make("'%s' is not in the chain of images of '%s'", (file ? *file : *node_name).c_str(),
                       from.name().c_str());
}

CopyWhat copy_what(qapi::MirrorSyncMode mode) {
    switch (mode) {
        case qapi::MirrorSyncMode::Top:
            return CopyWhat::Top;
        case qapi::MirrorSyncMode::Full:
            return CopyWhat::Full;
        case qapi::MirrorSyncMode::None:
            return CopyWhat::None;
    }
    UNREACHABLE();
}

// What copies from one node of the user's to another has.
struct CopyJob {
    JobConfig config;
    Node* node = nullptr;
    Node* target = nullptr;
};
template <typename Options>
Result<CopyJob> copy_job(const BlockEnv& env, const JobList& jobs, const Options& options, JobType type) {
    CopyJob job;
    job.config = TRY(job_config(env, jobs, options, type));
    TRY(check_filter_name(env, options));
    job.config.on_source_error = on_error(options.on_source_error);
    job.config.on_target_error = on_error(options.on_target_error);
    job.node = TRY(find_node(env.graph, options.device));
    job.target = TRY(find_node(env.graph, options.target));
    return job;
}

Status start(JobList& jobs, JobConfig config, Result<std::unique_ptr<JobWork>> work) {
    if (!work) return std::move(work).take_error();
    (void)TRY(jobs.start(std::move(config), std::move(work).take_value()));
    return {};
}

}  // namespace

Status block_commit(const BlockEnv& env, JobList& jobs, const qapi::BlockCommitArguments& options) {
    JobConfig config = TRY(job_config(env, jobs, options, JobType::Commit));
    TRY(check_filter_name(env, options));
    config.on_source_error = config.on_target_error = on_error(options.on_error);
    Node* active = TRY(find_node(env.graph, options.device));
    Node* top = active;
    if (options.top || options.top_node) top = TRY(in_chain(*active, options.top, options.top_node, "top"));
    Node* base = top;
    while (backing_of(*base) != nullptr)
        base = backing_of(*base);
    if (options.base || options.base_node)
        base = TRY(in_chain(*top, options.base, options.base_node, "base"));
    if (top == base) return Error::make("cannot commit an image into itself");
    if (top == active) {
        if (options.backing_file)
            return Error::make("'backing-file' specified, but 'top' is the active layer");
        MirrorConfig mirror;
        mirror.into_backing = true;
        mirror.what = CopyWhat::Top;
        mirror.filter_name = options.filter_node_name.value_or("");
        return start(jobs, std::move(config), mirror_work(env.graph, *active, *base, mirror));
    }
    Node* overlay = active;
    while (backing_of(*overlay) != top)
        overlay = backing_of(*overlay);
    return start(jobs, std::move(config),
                 commit_work(env.graph, *overlay, *top, *base, {.backing_file = options.backing_file}));
}

Status block_stream(const BlockEnv& env, JobList& jobs, const qapi::BlockStreamArguments& options) {
    JobConfig config = TRY(job_config(env, jobs, options, JobType::Stream));
    config.on_source_error = config.on_target_error = on_error(options.on_error);
    Node* node = TRY(find_node(env.graph, options.device));
    Node* base = nullptr;
    if (options.base || options.base_node) {
        base = TRY(in_chain(*node, options.base, options.base_node, "base"));
        if (base == node) return Error::make("cannot stream an image into itself");
    } else if (options.backing_file) {
        return Error::make("backing file specified, but streaming the entire chain");
    }
    return start(jobs, std::move(config),
                 stream_work(env.graph, *node, base, {.backing_file = options.backing_file}));
}

Status blockdev_mirror(const BlockEnv& env, JobList& jobs, const qapi::BlockdevMirrorArguments& options) {
    CopyJob job = TRY(copy_job(env, jobs, options, JobType::Mirror));
    MirrorConfig mirror;
    mirror.what = copy_what(options.sync);
    mirror.granularity = options.granularity.value_or(0);
    mirror.write_blocking =
        options.copy_mode.value_or(qapi::MirrorCopyMode::Background) == qapi::MirrorCopyMode::WriteBlocking;
    mirror.filter_name = options.filter_node_name.value_or("");
    return start(jobs, std::move(job.config), mirror_work(env.graph, *job.node, *job.target, mirror));
}

Status blockdev_backup(const BlockEnv& env, JobList& jobs, const qapi::BlockdevBackup& options) {
    CopyJob job = TRY(copy_job(env, jobs, options, JobType::Backup));
    BackupConfig backup;
    backup.what = copy_what(options.sync);
    backup.filter_name = options.filter_node_name.value_or("");
    return start(jobs, std::move(job.config), backup_work(env.graph, *job.node, *job.target, backup));
}

Status change_backing_file(const BlockEnv& env, const qapi::ChangeBackingFileArguments& options) {
    Node* top = TRY(find_node(env.graph, options.device));
    Node* image = TRY(in_chain(*top, std::nullopt, options.image_node_name, "image"));
    TRY(check_idle(*image));
    if (image->child("backing") == nullptr && !options.backing_file.empty())
        return Error::make("not allowing backing file change on an image without a backing file");
    DrainedSection drained(env.graph);
    const bool read_only = image->read_only();
    if (read_only) TRY(set_writable(env.graph, *image, true));
    const Node* below = backing_of(*image);
    Status done = image->write_backing_name(options.backing_file, below != nullptr ? below->driver() : "");
    if (read_only) (void)static_cast<bool>(set_writable(env.graph, *image, false));
    return done;
}

}  // namespace vmm::block
