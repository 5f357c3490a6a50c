// Changes of the graph while it is in use: one node in the place of another, overlays, the drained section.
// See graph.h.
#include <algorithm>

#include "backends/block/drain.h"
#include "backends/block/graph.h"

namespace vmm::block {

void BlockGraph::add_worker(GraphWorker& worker) {
    CHECK(held_ == 0, "a worker comes while the graph is drained");
    workers_.push_back(&worker);
}

void BlockGraph::remove_worker(GraphWorker& worker) {
    std::erase(workers_, &worker);
}

// Drives first: what they wait for may need a job to go on.
void BlockGraph::hold_all() {
    ++held_;
    for (const auto& drive : drives_)
        drive->hold();
    for (GraphWorker* worker : workers_)
        worker->hold();
}

void BlockGraph::let_all_go() {
    --held_;
    for (GraphWorker* worker : workers_)
        worker->let_go();
    for (const auto& drive : drives_)
        drive->let_go();
}

namespace {

// A use can be given another node when its owner looks the node up each time.
Status may_move(const BlockGraph& graph, const NodeRef& use) {
    if (use.role() == "root") return {};
    for (const Node* parent : graph.nodes()) {
        for (const Node::Child& child : parent->children()) {
            if (child.node == use.get() && child.role == use.role() && parent->child_may_change(child.role))
                return {};
        }
    }
    return Error::make("Node '%s' is in use by %s as '%s', which cannot change to another node",
                       use->name().c_str(), use.user().c_str(), use.role().c_str());
}

}  // namespace

Status BlockGraph::replace(Node& from, Node& to, const Node* except) {
    CHECK(held_ > 0, "node '%s' is replaced under requests", from.name().c_str());
    std::vector<NodeRef*> moving;
    for (NodeRef* use : from.uses()) {
        if (use->role() == "job" || use->role() == "temporary") continue;
        if (except != nullptr && use->user() == "node '" + except->name() + "'") continue;
        TRY(may_move(*this, *use));
        moving.push_back(use);
    }
    to.bind(from.context());
    for (size_t i = 0; i < moving.size(); ++i) {
        Status moved = moving[i]->retarget(to);
        if (moved) continue;
        while (i-- > 0)
            (void)static_cast<bool>(moving[i]->retarget(from));
        return moved;
    }
    for (const auto& drive : drives_) {
        if (drive->node() == &to) drive->root_changed();
    }
    return {};
}

Status BlockGraph::put_over(Node& node, Node& overlay) {
    // Between its old uses and its new one it has none.
    NodeRef held = TRY(NodeRef::take(node, "the graph", "temporary", {}));
    overlay.bind(node.context());
    TRY(replace(node, overlay, nullptr));
    Status lies = overlay.set_backing(&node);
    if (lies) return lies;
    Status back = replace(overlay, node, nullptr);
    CHECK(back, "node '%s' cannot go back to where it was: %s", node.name().c_str(),
          back.error().message().c_str());
    return lies;
}

Status BlockGraph::take_off(Node& node, Node& overlay) {
    NodeRef held = TRY(NodeRef::take(node, "the graph", "temporary", {}));
    TRY(overlay.set_backing(nullptr));
    return replace(overlay, node, nullptr);
}

}  // namespace vmm::block
