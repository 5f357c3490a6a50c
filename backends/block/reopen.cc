// Reopening; see reopen.h. The order: everything is written out; then the new options and children are put
// in place, which is only memory; then it is judged whether all uses can be side by side; then locks are
// taken, old and new ones together, and the drivers follow from the bottom up. What each step needs to go
// back is kept until the last one has succeeded.
#include "backends/block/reopen.h"

#include <algorithm>
#include <map>
#include <set>

namespace vmm::block {

class Reopening {
  public:
    Reopening(BlockGraph& graph, std::vector<NodeChange> changes)
        : graph_(graph), changes_(std::move(changes)) {}

    Status carry_out() {
        CHECK(graph_.held_ > 0, "nodes are reopened under requests");
        for (const NodeChange& change : changes_)
            TRY(change.node->settle());
        catch_up();
        Status done = change_all();
        done ? keep() : undo();
        return done;
    }

  private:
    struct OldOptions {
        Node* node;
        NodeOptions options;
        bool read_only;
    };
    struct OldChild {
        NodeRef* use;
        Node* node;
    };
    struct OldUse {
        NodeRef* use;
        Permissions permissions;
    };
    struct OldPlace {
        Node* node;
        IoContext* context;
    };
    // What follows from a node's children and options.
    struct OldShape {
        Node* node;
        uint64_t size;
        NodeLimits limits;
        NodeCapabilities capabilities;
    };

    void catch_up();
    Status change_all();
    void set_options(Node& node, NodeOptions options);
    Status set_child(Node& node, std::string_view role, Node* to);
    Status bind_together(Node& node, Node& child);
    void move_use(NodeRef& use, Node* to);
    static std::vector<Node*> parents_first(const BlockGraph& graph);
    Status plan_permissions();
    void need_to_write(Node& node);
    Status take_locks();
    Status apply();
    Status apply_to(Node& node);
    Status check_size(const Node& node, uint64_t before) const;
    NodeChange* change_of(const Node& node);
    void keep();
    void undo();

    BlockGraph& graph_;
    std::vector<NodeChange> changes_;
    std::vector<Node*> sorted_;  // parents first
    std::vector<OldOptions> old_options_;
    std::vector<OldChild> old_children_;
    std::vector<OldPlace> old_places_;
    std::vector<OldUse> old_uses_;
    std::map<Node*, Permissions> old_wanted_;
    std::vector<Node*> locked_;
    std::vector<OldShape> old_shapes_;
    std::vector<Node*> applied_;
    std::set<const Node*> changed_;
};

Status Reopening::change_all() {
    for (Node* node : graph_.nodes())
        old_wanted_[node] = node->wanted();
    for (NodeChange& change : changes_)
        set_options(*change.node, change.options);
    for (NodeChange& change : changes_) {
        if (change.file != nullptr) TRY(set_child(*change.node, "file", change.file));
        if (change.backing) TRY(set_child(*change.node, "backing", *change.backing));
    }
    sorted_ = parents_first(graph_);
    TRY(plan_permissions());
    TRY(take_locks());
    return apply();
}

void Reopening::set_options(Node& node, NodeOptions options) {
    old_options_.push_back({&node, node.options_, node.read_only_});
    options.name = node.options_.name;
    options.driver = node.options_.driver;
    options.filename = node.options_.filename;
    node.options_ = std::move(options);
    node.read_only_ = node.options_.read_only;
}

bool reaches(const Node& from, const Node& to) {
    if (&from == &to) return true;
    for (const Node::Child& child : from.children())
        if (reaches(*child.node, to)) return true;
    return false;
}

Status Reopening::set_child(Node& node, std::string_view role, Node* to) {
    const std::string what(role);
    NodeRef* use = node.child_ref(role);
    if (use == nullptr)
        return Error::make("Driver '%s' of node '%s' does not support a %s child", node.driver().c_str(),
                           node.name().c_str(), what.c_str());
    if (use->node_ == to) return {};
    if (to != nullptr && reaches(*to, node))
        return Error::make("Making '%s' a %s child of '%s' would create a cycle", to->name().c_str(),
                           what.c_str(), node.name().c_str());
    if (to != nullptr) TRY(bind_together(node, *to));
    old_children_.push_back({use, use->node_});
    use->user_ = "node '" + node.name() + "'";
    use->role_ = what;
    move_use(*use, to);
    changed_.insert(&node);
    return {};
}

// One loop has a node and all below it. The child comes to the parent's, where nobody else needs it
// elsewhere.
Status Reopening::bind_together(Node& node, Node& child) {
    if (&node.context() == &child.context()) return {};
    const bool parent_is_free = node.uses().empty() && graph_.may_bind(nullptr, node, child.context());
    Node& moving = parent_is_free ? node : child;
    IoContext& to = parent_is_free ? child.context() : node.context();
    if (!parent_is_free) TRY(graph_.may_bind(nullptr, child, to));
    old_places_.push_back({&moving, &moving.context()});
    moving.bind(to);
    return {};
}

void Reopening::move_use(NodeRef& use, Node* to) {
    if (use.node_ != nullptr) std::erase(use.node_->uses_, &use);
    use.node_ = to;
    if (to != nullptr) to->uses_.push_back(&use);
}

std::vector<Node*> Reopening::parents_first(const BlockGraph& graph) {
    std::vector<Node*> sorted;
    std::set<const Node*> seen;
    auto visit = [&](auto& self, Node& node) -> void {
        if (!seen.insert(&node).second) return;
        for (const Node::Child& child : node.children())
            self(self, *child.node);
        sorted.push_back(&node);
    };
    for (Node* node : graph.nodes())
        visit(visit, *node);
    std::reverse(sorted.begin(), sorted.end());
    return sorted;
}

// A file may have grown under its filters: what changes now is told apart from that.
void Reopening::catch_up() {
    const std::vector<Node*> sorted = parents_first(graph_);
    for (auto node = sorted.rbegin(); node != sorted.rend(); ++node)
        (*node)->child_changed();
}

// What each node asks of its children follows from what is asked of it. All is planned before any is judged,
// since what one use gives up another one may want.
Status Reopening::plan_permissions() {
    for (Node* node : sorted_) {
        const Permissions sum = node->wanted();
        if (sum.writes() && !node->options_.read_only) need_to_write(*node);
        for (const Node::Child& child : node->children()) {
            NodeRef* use = node->child_ref(child.role);
            if (use == nullptr) continue;
            old_uses_.push_back({use, use->permissions_});
            use->permissions_ = node->permissions_for(child, sum);
        }
    }
    for (const NodeChange& change : changes_) {
        if (change.node->read_only_ && change.node->wanted().writes())
            return Error::make("Read-only block node '%s' cannot support read-write users",
                               change.node->name().c_str());
    }
    for (const Node* node : sorted_)
        TRY(node->check_permissions());
    return {};
}

// One that is read-only because it could not be written, once, has to be now.
void Reopening::need_to_write(Node& node) {
    NodeChange* change = change_of(node);
    if (change == nullptr && !node.read_only_) return;
    if (change == nullptr) {
        change = &changes_.emplace_back();
        change->node = &node;
        set_options(node, node.options_);
    }
    change->must_write = true;
}

NodeChange* Reopening::change_of(const Node& node) {
    auto found = std::find_if(changes_.begin(), changes_.end(),
                              [&](const NodeChange& change) { return change.node == &node; });
    return found == changes_.end() ? nullptr : &*found;
}

// The old ones and the new ones: afterwards some are only given back, which cannot fail.
Status Reopening::take_locks() {
    for (Node* node : sorted_) {
        const Permissions old = old_wanted_[node], now = node->wanted();
        if (old.used == now.used && old.shared == now.shared) continue;
        const Permissions both{static_cast<uint8_t>(old.used | now.used),
                               static_cast<uint8_t>(old.shared & now.shared)};
        locked_.push_back(node);
        TRY(node->permissions_changed(both));
    }
    return {};
}

Status Reopening::apply() {
    for (auto node = sorted_.rbegin(); node != sorted_.rend(); ++node) {
        bool below = false;
        for (const Node::Child& child : (*node)->children())
            below = below || changed_.contains(child.node);
        if (!below && change_of(**node) == nullptr) continue;
        changed_.insert(*node);
        TRY(apply_to(**node));
    }
    return {};
}

Status Reopening::apply_to(Node& node) {
    const uint64_t size = node.size();
    old_shapes_.push_back({&node, size, node.limits_, node.capabilities_});
    if (const NodeChange* change = change_of(node)) {
        TRY(node.apply(*change));
        applied_.push_back(&node);
    }
    node.child_changed();
    if (node.read_only_ && node.wanted().writes())
        return Error::make("Block node '%s' is read-only", node.name().c_str());
    return check_size(node, size);
}

Status Reopening::check_size(const Node& node, uint64_t before) const {
    if (node.size() == before) return {};
    for (const NodeRef* use : node.uses()) {
        if ((use->permissions().shared & kPermResize) == 0)
            return Error::make("Conflicts with use by %s as '%s', which does not allow 'resize' on %s",
                               use->user().c_str(), use->role().c_str(), node.name().c_str());
    }
    return {};
}

void Reopening::keep() {
    for (Node* node : applied_)
        node->keep();
    for (Node* node : locked_)
        (void)static_cast<bool>(node->permissions_changed(node->wanted()));
    for (const auto& drive : graph_.drives())
        if (drive->loaded() && changed_.contains(drive->node())) drive->root_changed();
    for (const OldChild& old : old_children_) {
        // One that goes may take others along.
        const std::vector<Node*> left = graph_.nodes();
        const bool there = std::find(left.begin(), left.end(), old.node) != left.end();
        if (there && old.node->uses_.empty()) (void)graph_.unused(*old.node);
    }
}

void Reopening::undo() {
    while (!applied_.empty()) {
        applied_.back()->undo();
        applied_.pop_back();
    }
    for (const OldShape& old : old_shapes_) {
        old.node->set_size(old.size);
        old.node->set_limits(old.limits);
        old.node->set_capabilities(old.capabilities);
    }
    for (auto old = old_uses_.rbegin(); old != old_uses_.rend(); ++old)
        old->use->permissions_ = old->permissions;
    for (auto old = old_children_.rbegin(); old != old_children_.rend(); ++old)
        move_use(*old->use, old->node);
    for (auto old = old_options_.rbegin(); old != old_options_.rend(); ++old) {
        old->node->options_ = std::move(old->options);
        old->node->read_only_ = old->read_only;
    }
    for (Node* node : locked_)
        (void)static_cast<bool>(node->permissions_changed(old_wanted_[node]));
    for (auto old = old_places_.rbegin(); old != old_places_.rend(); ++old)
        old->node->bind(*old->context);
}

Status reopen_nodes(BlockGraph& graph, std::vector<NodeChange> changes) {
    return Reopening(graph, std::move(changes)).carry_out();
}

Status set_writable(BlockGraph& graph, Node& node, bool writable) {
    std::vector<NodeChange> changes;
    for (Node* one = &node; one != nullptr; one = writable ? one->child("file") : nullptr) {
        if (one->read_only() == writable) {
            NodeChange& change = changes.emplace_back();
            change.node = one;
            change.options = one->options();
            change.options.read_only = !writable;
            change.must_write = writable;
        }
    }
    return changes.empty() ? Status() : reopen_nodes(graph, std::move(changes));
}

}  // namespace vmm::block
