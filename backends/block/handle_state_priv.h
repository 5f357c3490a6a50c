// What a disk device's drive keeps; handle.cc has the requests, handle_setup.cc what the main thread changes.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "backends/block/graph.h"
#include "backends/block/handle.h"
#include "backends/block/handle_stats_priv.h"
#include "backends/block/queue.h"
#include "backends/block/throttle.h"
#include "util/mutex.h"

namespace vmm::block {

struct BlockHandle::State final : Job, Timing, ThrottleUser {
    State(BlockGraph& g, std::string name) : graph(g), id(std::move(name)), context(&g.context()) {}

    BlockGraph& graph;
    std::string id;  // the main thread's, but for io_error(), which a drained drive does not call
    BlockHandle* handle = nullptr;
    // Changed on the main thread while nothing is in flight, read by any thread that is counted there.
    IoContext* context;
    NodeRef root;
    std::unique_ptr<ThrottleMember> throttle;
    DiskClient* client = nullptr;
    DiskAttachment attached;
    OnError default_rerror = OnError::Auto, default_werror = OnError::Auto;
    bool default_write_cache = true;
    OnError rerror = OnError::Report, werror = OnError::Enospc;

    std::atomic<uint64_t> size{0};
    std::atomic<bool> read_only{false};
    std::atomic<bool> write_cache{true};
    std::atomic<unsigned> in_flight{0};
    std::atomic<unsigned> quiesced{0};
    std::atomic<const char*> io_status{"ok"};

    Mutex mutex{LockRank::Leaf, "block handle"};
    Queue<Request> incoming GUARDED_BY(mutex);
    Queue<Request> parked GUARDED_BY(mutex);
    std::atomic<bool> posted{false};  // the job is on its way to the loop

    HandleStats stats;

    void enqueue(DiskRequest& request);
    void post();
    void intake();
    void start(DiskRequest& request);
    void go(DiskRequest& request);
    void let_go(Request& request) override { go(static_cast<DiskRequest&>(request)); }
    void finished(DiskRequest& request);
    OnError judge_error(const DiskRequest& request) const;
    void report(const DiskRequest& request, OnError action);
    void timed(uint64_t now_ns);
    void leave();
    void quiesce();
    void unquiesce();
    bool has_incoming();
    Permissions permissions(const Node& node) const;
    void go_home();
    void medium_known();
};

}  // namespace vmm::block
