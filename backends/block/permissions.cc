// Uses of nodes and what they allow each other: NodeRef, and the part of Node that passes permissions down.
#include <algorithm>
#include <utility>

#include "backends/block/graph.h"
#include "backends/block/node.h"
#include "util/text.h"

namespace vmm::block {

namespace {

const char* permission_name(uint8_t permissions) {
    if ((permissions & kPermRead) != 0) return "consistent read";
    if ((permissions & kPermWrite) != 0) return "write";
    if ((permissions & kPermWriteUnchanged) != 0) return "write unchanged";
    return "resize";
}

// Why two uses cannot be at the same time; nothing when they can.
std::optional<Error> conflict(const Node& node, const NodeRef& one, const NodeRef& other) {
    uint8_t wanted = one.permissions().used & static_cast<uint8_t>(~other.permissions().shared);
    if (wanted == 0) return std::nullopt;
    return Error::make("Conflicts with use by %s as '%s', which does not allow '%s' on %s",
                       other.user().c_str(), other.role().c_str(), permission_name(wanted),
                       node.name().c_str());
}

}  // namespace

Permissions Node::wanted() const {
    Permissions sum;
    for (const NodeRef* use : uses_) {
        sum.used |= use->permissions().used;
        sum.shared &= use->permissions().shared;
    }
    return sum;
}

Permissions Node::child_permissions(std::string_view role, Permissions mine) const {
    if (role != "backing") return mine;
    Permissions below{kPermRead, kPermRead | kPermWriteUnchanged};
    // Whoever can live with changes here can live with changes below.
    if ((mine.shared & kPermWrite) != 0) below.shared |= kPermWrite | kPermResize;
    return below;
}

Permissions Node::permissions_for(const Child& child, Permissions mine) const {
    Permissions below = child_permissions(child.role, mine);
    if (child.role == "backing" && backing_may_change_) below.shared |= kPermWrite | kPermResize;
    return below;
}

Status Node::let_backing_change(bool let) {
    bool before = std::exchange(backing_may_change_, let);
    Status status = update_permissions();
    if (!status) backing_may_change_ = before;
    return status;
}

Status Node::check_permissions() const {
    for (size_t i = 0; i < uses_.size(); ++i) {
        for (size_t j = 0; j < uses_.size(); ++j) {
            if (i == j) continue;
            if (auto error = conflict(*this, *uses_[i], *uses_[j])) return std::move(*error);
        }
    }
    if (read_only_ && wanted().writes()) return Error::make("Block node '%s' is read-only", name().c_str());
    return {};
}

Status Node::update_permissions() {
    TRY(check_permissions());
    Permissions sum = wanted();
    TRY(permissions_changed(sum));
    for (const Child& one : children()) {
        NodeRef* ref = child_ref(one.role);
        if (ref != nullptr) TRY(ref->set_permissions(permissions_for(one, sum)));
    }
    return {};
}

Result<NodeRef> NodeRef::take(Node& node, std::string user, std::string role, Permissions permissions) {
    NodeRef ref;
    ref.node_ = &node;
    ref.user_ = std::move(user);
    ref.role_ = std::move(role);
    ref.permissions_ = {0, kPermAll};
    node.uses_.push_back(&ref);
    TRY(ref.set_permissions(permissions));  // the destructor takes the use back
    return ref;
}

Status NodeRef::set_permissions(Permissions permissions) {
    Permissions before = std::exchange(permissions_, permissions);
    Status status = node_->update_permissions();
    if (!status) {
        permissions_ = before;
        // What was possible before is possible still.
        Status restored = node_->update_permissions();
        (void)restored;
    }
    return status;
}

Status NodeRef::retarget(Node& to) {
    Node& from = *node_;
    if (&from == &to) return {};
    auto move = [this](Node& out_of, Node& into) {
        std::erase(out_of.uses_, this);
        node_ = &into;
        into.uses_.push_back(this);
    };
    move(from, to);
    // Where the old node is a parent of the new one, its own use has to give way first.
    bool goes_down = false;
    for (const Node::Child& child : from.children())
        goes_down = goes_down || child.node == &to;
    if (goes_down) (void)static_cast<bool>(from.update_permissions());
    if (Status taken = to.update_permissions(); !taken) {
        move(to, from);
        (void)static_cast<bool>(to.update_permissions());
        (void)static_cast<bool>(from.update_permissions());
        return taken;
    }
    if (from.uses_.empty() && from.graph_ != nullptr && from.graph_->unused(from)) return {};
    (void)static_cast<bool>(from.update_permissions());  // asking for less cannot conflict
    return {};
}

NodeRef::NodeRef(NodeRef&& other) noexcept {
    *this = std::move(other);
}

NodeRef& NodeRef::operator=(NodeRef&& other) noexcept {
    if (this == &other) return *this;
    reset();
    node_ = std::exchange(other.node_, nullptr);
    user_ = std::move(other.user_);
    role_ = std::move(other.role_);
    permissions_ = other.permissions_;
    if (node_ != nullptr) std::replace(node_->uses_.begin(), node_->uses_.end(), &other, this);
    return *this;
}

void NodeRef::reset() {
    if (node_ == nullptr) return;
    Node& node = *std::exchange(node_, nullptr);
    std::erase(node.uses_, this);
    if (node.uses_.empty() && node.graph_ != nullptr && node.graph_->unused(node)) return;
    Status fewer = node.update_permissions();  // asking for less cannot conflict
    (void)fewer;
}

}  // namespace vmm::block
