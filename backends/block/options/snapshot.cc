// Overlays over nodes in use, and transactions of them; see graph_commands.h.
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>

#include <set>

#include "backends/block/drain.h"
#include "backends/block/file.h"
#include "backends/block/jobs/job_filter.h"
#include "backends/block/options/commands.h"
#include "backends/block/options/graph_commands.h"
#include "backends/block/options/open_format_priv.h"
#include "backends/block/qcow2/create.h"
#include "backends/block/qcow2/node_file.h"
#include "backends/block/reopen.h"
#include "qapi/convert.h"
#include "util/fd.h"
#include "util/fd_store.h"

namespace vmm::block {

Result<Node*> find_node(const BlockGraph& graph, const std::string& name) {
    if (BlockHandle* drive = graph.find_drive(name)) {
        if (drive->loaded()) return &skip_filters(*drive->node());
        return Error::make("Device '%s' has no medium", name.c_str());
    }
    if (Node* node = graph.find(name)) return node;
    return Error::make("Cannot find device='' nor node-name='%s'", name.c_str());
}

namespace {

class PutOver final : public GraphAction {
  public:
    PutOver(BlockGraph& graph, Node& node) : graph_(graph), node_(node) {}

    Status check(const Node& overlay) const {
        TRY(check_idle(node_));
        if ((overlay.wanted().used & kPermRead) != 0) return Error::make("The overlay is already in use");
        if (!overlay.child_may_change("backing"))
            return Error::make("The overlay does not support backing images");
        if (overlay.child("backing") != nullptr)
            return Error::make("The overlay already has a backing image");
        if (reaches(overlay, node_) || reaches(node_, overlay))
            return Error::make("Making '%s' a backing child of '%s' would create a cycle",
                               node_.name().c_str(), overlay.name().c_str());
        return {};
    }
    Status put(Node& overlay) {
        TRY(check(overlay));
        if (!node_.read_only()) TRY(flush_sync(node_));
        TRY(graph_.put_over(node_, overlay));
        overlay_ = &overlay;
        return {};
    }
    Status prepare() override { UNREACHABLE(); }
    void abort() override {
        if (overlay_ == nullptr) return;
        Status back = graph_.take_off(node_, *overlay_);
        CHECK(back, "a snapshot cannot be taken back: %s", back.error().message().c_str());
    }
    // Nobody writes to it any more; closing it for writing makes it whole on the disk.
    void commit() override {
        if ((node_.wanted().used & kPermWrite) == 0)
            (void)static_cast<bool>(set_writable(graph_, node_, false));
    }

  private:
    BlockGraph& graph_;
    Node& node_;
    Node* overlay_ = nullptr;
};

class Snapshot final : public GraphAction {
  public:
    Snapshot(const BlockEnv& env, const qapi::BlockdevSnapshot& options) : env_(env), options_(options) {}
    Status prepare() override {
        Node* node = TRY(find_node(env_.graph, options_.node));
        Node* overlay = TRY(find_node(env_.graph, options_.overlay));
        put_.emplace(env_.graph, *node);
        return put_->put(*overlay);
    }
    void abort() override {
        if (put_) put_->abort();
    }
    void commit() override { put_->commit(); }

  private:
    const BlockEnv env_;
    const qapi::BlockdevSnapshot options_;
    std::optional<PutOver> put_;
};

class SnapshotSync final : public GraphAction {
  public:
    SnapshotSync(const BlockEnv& env, const qapi::BlockdevSnapshotSync& options)
        : env_(env), options_(options) {}
    Status prepare() override {
        Node* node = TRY(find());
        TRY(check_idle(*node));
        const std::string format = options_.format.value_or("qcow2");
        if (format != "qcow2")
            return Error::make("Format '%s' does not support backing images", format.c_str());
        if (options_.snapshot_node_name) TRY(check_new_name(*options_.snapshot_node_name));
        if (options_.mode.value_or(qapi::NewImageMode::AbsolutePaths) == qapi::NewImageMode::AbsolutePaths)
            TRY(make_image(*node));
        overlay_ = TRY(open(*node));
        put_.emplace(env_.graph, *node);
        return put_->put(*overlay_);
    }
    void abort() override {
        if (put_) put_->abort();
        overlay_.reset();
    }
    void commit() override {
        put_->commit();
        overlay_.reset();
    }

  private:
    Result<Node*> find() const {
        if (options_.device.has_value() == options_.node_name.has_value())
            return Error::make("Need exactly one of 'device' and 'node-name'");
        if (options_.node_name) {
            Node* node = env_.graph.find(*options_.node_name);
            if (node != nullptr) return node;
            return Error::make("Cannot find device='' nor node-name='%s'", options_.node_name->c_str());
        }
        BlockHandle* drive = TRY(find_drive(env_.graph, options_.device, std::nullopt));
        if (!drive->loaded()) return Error::make("Device '%s' has no medium", options_.device->c_str());
        return &skip_filters(*drive->node());
    }
    Status check_new_name(const std::string& name) const {
        if (env_.graph.find(name) == nullptr) return {};
        return Error::make("New overlay node-name already in use");
    }
    Status make_image(const Node& node) const {
        char absolute[PATH_MAX];
        const std::string name = node.filename();
        if (name.empty() || ::realpath(name.c_str(), absolute) == nullptr)
            return Error::make("node '%s' has no file name that the new image could refer to",
                               node.name().c_str());
        NodeOptions options;
        options.name = env_.graph.make_name();
        options.driver = "file";
        options.filename = options_.snapshot_file;
        FileConfig file;
        file.filename = options_.snapshot_file;
        file.descriptors = env_.graph.descriptors();
        if (!FdStore::is_set(file.filename)) (void)TRY(open_file(file.filename, O_RDWR | O_CREAT, 0644));
        std::unique_ptr<Node> storage = TRY(FileNode::create(options, env_.graph.context(), file));
        // Locked before anything of it is lost.
        NodeRef held = TRY(NodeRef::take(*storage, "the new image", "file", {kPermWrite | kPermResize, 0}));
        TRY(storage->truncate(0));
        qcow2::CreateOptions create;
        create.size = node.size();
        create.backing_file = absolute;
        create.backing_format = node.driver();
        NodeImageFile bytes(*storage);
        return qcow2::create_image(bytes, create);
    }
    Result<NodeRef> open(const Node& node) const {
        qapi::Dict file{{"driver", "file"}, {"filename", options_.snapshot_file}};
        qapi::Dict dict{{"driver", "qcow2"}, {"backing", ""}, {"file", file}};
        if (options_.snapshot_node_name) dict.set("node-name", *options_.snapshot_node_name);
        auto options = TRY(qapi::from_keyval<qapi::BlockdevOptions>(dict));
        TRY(check_blockdev(options, false));
        Inherited as_below{.cache_direct = node.options().cache_direct,
                           .no_flush = node.options().no_flush,
                           .discard_unmap = node.options().discard_unmap};
        return open_node(env_, options, as_below, NodeKind::Anonymous);
    }

    const BlockEnv env_;
    const qapi::BlockdevSnapshotSync options_;
    NodeRef overlay_;  // until it is in its place
    std::optional<PutOver> put_;
};

class Abort final : public GraphAction {
  public:
    Status prepare() override { return Error::make("Transaction aborted using Abort action"); }
    void abort() override {}
};

std::unique_ptr<GraphAction> action_for(const BlockEnv& env, const qapi::TransactionAction& action) {
    if (const auto* snapshot = std::get_if<qapi::BlockdevSnapshotWrapper>(&action.u))
        return std::make_unique<Snapshot>(env, snapshot->data);
    if (const auto* sync = std::get_if<qapi::BlockdevSnapshotSyncWrapper>(&action.u))
        return std::make_unique<SnapshotSync>(env, sync->data);
    return std::make_unique<Abort>();
}

Status carry_out(const BlockEnv& env, std::vector<std::unique_ptr<GraphAction>> actions) {
    DrainedSection drained(env.graph);
    for (size_t i = 0; i < actions.size(); ++i) {
        Status prepared = actions[i]->prepare();
        if (prepared) continue;
        for (size_t done = i + 1; done-- > 0;)
            actions[done]->abort();
        return prepared;
    }
    for (const auto& action : actions)
        action->commit();
    return {};
}

Status carry_out_one(const BlockEnv& env, std::unique_ptr<GraphAction> action) {
    std::vector<std::unique_ptr<GraphAction>> actions;
    actions.push_back(std::move(action));
    return carry_out(env, std::move(actions));
}

}  // namespace

Status transact(const BlockEnv& env, const std::vector<qapi::TransactionAction>& actions) {
    std::vector<std::unique_ptr<GraphAction>> all;
    for (const qapi::TransactionAction& action : actions)
        all.push_back(action_for(env, action));
    return carry_out(env, std::move(all));
}

Status snapshot(const BlockEnv& env, const qapi::BlockdevSnapshot& options) {
    return carry_out_one(env, std::make_unique<Snapshot>(env, options));
}

Status snapshot_sync(const BlockEnv& env, const qapi::BlockdevSnapshotSync& options) {
    return carry_out_one(env, std::make_unique<SnapshotSync>(env, options));
}

}  // namespace vmm::block
