// The host's side of disks; see storage.h.
#include "system/control/startup/storage.h"

#include "util/log.h"

namespace vmm {

Result<std::unique_ptr<Storage>> Storage::create(EventLoop& loop, const FdStore* descriptors) {
    std::unique_ptr<block::IoContext> context = TRY(block::IoContext::create(loop));
    auto storage = std::make_unique<Storage>(std::move(context), std::make_unique<StorageEvents>(loop));
    storage->graph_.set_descriptors(descriptors);
    return storage;
}

Storage::Storage(std::unique_ptr<block::IoContext> context, std::unique_ptr<StorageEvents> events)
    : context_(std::move(context)), events_(std::move(events)), graph_(*context_, *events_) {}

Storage::~Storage() {
    jobs_.end_all();
    // What a guest's last flush did not cover; a host that cannot write it says so once.
    Status flushed = graph_.flush_all();
    if (!flushed) log_warning("%s", flushed.error().message().c_str());
}

Status Storage::add_objects(const block::StorageConfig& config) {
    for (const IoThreadConfig& thread : config.iothreads)
        iothreads_.push_back(TRY(IoThread::create(thread)));
    for (const block::ThrottleGroupConfig& group : config.throttle_groups)
        (void)TRY(groups_.add(group.id, group.limits));
    return {};
}

Status Storage::remove_iothread(const std::string& id) {
    const auto gone =
        std::erase_if(iothreads_, [&](const auto& thread) { return thread->config().id == id; });
    if (gone == 0) return Error::make("there is no iothread '%s'", id.c_str());
    return {};
}

Status Storage::open(const block::StorageConfig& config) {
    TRY(add_objects(config));
    for (const qapi::BlockdevOptions& node : config.nodes) {
        Result<block::Node*> made = block::add_blockdev(env(), node);
        if (!made)
            return std::move(made).take_error().while_doing("-blockdev node-name=%s",
                                                            node.node_name->c_str());
    }
    for (const block::DriveConfig& drive : config.drives) {
        Result<block::BlockHandle*> made = block::add_drive(env(), drive);
        if (!made) return std::move(made).take_error().while_doing("-drive id=%s", drive.id.c_str());
    }
    return {};
}

void Storage::device_gone(const std::string& drive) {
    block::BlockHandle* handle = graph_.find_drive(drive);
    if (handle == nullptr) return;
    if (handle->attachment() != nullptr) return handle->forget_id();  // it goes when the device lets go
    Status gone = graph_.remove_drive(drive);
    CHECK(gone, "a drive without a device cannot be in use");
}

IoThread* Storage::find_iothread(const std::string& id) const {
    for (const std::unique_ptr<IoThread>& thread : iothreads_) {
        if (thread->config().id == id) return thread.get();
    }
    return nullptr;
}

}  // namespace vmm
