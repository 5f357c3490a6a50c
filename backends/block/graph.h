// BlockGraph: owns all nodes and drives of the process and knows them by name. -blockdev, -drive,
// blockdev-add and the devices' drive= end here. Main thread.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "backends/block/handle.h"
#include "backends/block/node.h"
#include "util/result.h"

namespace vmm {
class FdStore;
}

namespace vmm::block {

class GraphWorker;

class BlockGraph {
  public:
    // The context is the main loop's. `events` outlives the graph.
    BlockGraph(IoContext& context, BlockEvents& events);
    ~BlockGraph();
    BlockGraph(const BlockGraph&) = delete;
    BlockGraph& operator=(const BlockGraph&) = delete;

    IoContext& context() { return context_; }
    BlockEvents& events() { return events_; }
    // Descriptor sets that file names may mean (util/fd_store.h); null: none. It outlives the graph.
    void set_descriptors(const FdStore* store) { descriptors_ = store; }
    const FdStore* descriptors() const { return descriptors_; }

    // Takes over a node. `named`: the user gave it a name and ends it with remove(); others go with their
    // last use.
    Node& add(std::unique_ptr<Node> node, bool named);
    Node* find(std::string_view name) const;
    // blockdev-del: refused while in use and for nodes that the user did not name.
    Status remove(std::string_view name);
    std::vector<Node*> nodes() const;  // by age
    std::string make_name();           // "#block0NN"

    // Drives: `id` may be empty (made for a device), the node may be null (no medium).
    Result<BlockHandle*> add_drive(std::string id, Node* node);
    BlockHandle* find_drive(std::string_view id) const;
    // By its device's id or path.
    BlockHandle* find_device(std::string_view device) const;
    // Refused while a device has it.
    Status remove_drive(std::string_view id);
    const std::vector<std::unique_ptr<BlockHandle>>& drives() const { return drives_; }

    // A device's drive= : a drive's id or a node's name; "" with attachment.removable: an empty drive. The
    // client outlives the DiskRef.
    Result<DiskRef> attach(const std::string& drive, DiskClient& client, const DiskAttachment& attachment);

    // Whether the nodes below `root` can move to this loop: not while another device uses some on another.
    // `asking` is the drive that wants it; null: none.
    Status may_bind(const BlockHandle* asking, const Node& root, const IoContext& context) const;

    // ---- changes while the graph is in use; all inside a DrainedSection (drain.h) ----
    // Every use of `from` (but jobs', and that of the node `except`) uses `to` instead. All or nothing.
    Status replace(Node& from, Node& to, const Node* except);
    // The overlay takes the node's place and lies on it; and the way back.
    Status put_over(Node& node, Node& overlay);
    Status take_off(Node& node, Node& overlay);
    // For DrainedSection.
    void hold_all();
    void let_all_go();
    // The worker outlives its registration.
    void add_worker(GraphWorker& worker);
    void remove_worker(GraphWorker& worker);

    // The VM runs again: requests that were parked by an error are tried again.
    void resume_all();
    void drain_all();
    // Writes out what is cached and flushes everything, for the end of the process.
    Status flush_all();

  private:
    friend class NodeRef;
    friend class DiskRef;
    friend class Reopening;
    void detach(BlockHandle& handle);
    void drop(BlockHandle& handle);
    // True when the node went away.
    bool unused(Node& node);

    IoContext& context_;
    BlockEvents& events_;
    const FdStore* descriptors_ = nullptr;
    unsigned next_name_ = 0;
    uint64_t last_serial_ = 0;
    unsigned held_ = 0;
    std::vector<GraphWorker*> workers_;
    struct Entry {
        std::unique_ptr<Node> node;
        bool named;
    };
    std::vector<Entry> nodes_;
    std::vector<std::unique_ptr<BlockHandle>> drives_;
};

}  // namespace vmm::block
