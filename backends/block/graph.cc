// The nodes and drives of the process; see graph.h.
#include "backends/block/graph.h"

#include <algorithm>
#include <set>

#include "util/text.h"

namespace vmm::block {

BlockGraph::BlockGraph(IoContext& context, BlockEvents& events) : context_(context), events_(events) {}

BlockGraph::~BlockGraph() {
    drives_.clear();
    // From the top down: a child outlives its parents. A node goes when nothing uses it.
    while (!nodes_.empty()) {
        auto free = std::find_if(nodes_.rbegin(), nodes_.rend(),
                                 [](const Entry& entry) { return entry.node->uses().empty(); });
        CHECK(free != nodes_.rend(), "block nodes are still in use");
        std::unique_ptr<Node> node = std::move(free->node);
        nodes_.erase(std::next(free).base());
        node->graph_ = nullptr;
    }
}

Node& BlockGraph::add(std::unique_ptr<Node> node, bool named) {
    CHECK(find(node->name()) == nullptr, "two block nodes '%s'", node->name().c_str());
    node->graph_ = this;
    node->serial_ = ++last_serial_;
    nodes_.push_back({std::move(node), named});
    return *nodes_.back().node;
}

Node* BlockGraph::find(std::string_view name) const {
    for (const Entry& entry : nodes_) {
        if (entry.node->name() == name) return entry.node.get();
    }
    return nullptr;
}

Status BlockGraph::remove(std::string_view name) {
    std::string text(name);
    auto found = std::find_if(nodes_.begin(), nodes_.end(),
                              [&](const Entry& entry) { return entry.node->name() == name; });
    if (found == nodes_.end()) return Error::make("Failed to find node with node-name='%s'", text.c_str());
    for (const NodeRef* use : found->node->uses()) {
        if (use->role() == "root") return Error::make("Node %s is in use", text.c_str());
    }
    if (!found->named) return Error::make("Node %s is not owned by the monitor", text.c_str());
    if (!found->node->uses().empty()) return Error::make("Block device %s is in use", text.c_str());
    std::unique_ptr<Node> node = std::move(found->node);
    nodes_.erase(found);
    node->graph_ = nullptr;
    return {};
}

bool BlockGraph::unused(Node& node) {
    auto found = std::find_if(nodes_.begin(), nodes_.end(),
                              [&](const Entry& entry) { return entry.node.get() == &node; });
    if (found == nodes_.end() || found->named) return false;
    std::unique_ptr<Node> gone = std::move(found->node);
    nodes_.erase(found);
    gone->graph_ = nullptr;
    return true;
}

std::vector<Node*> BlockGraph::nodes() const {
    std::vector<Node*> all;
    for (const Entry& entry : nodes_)
        all.push_back(entry.node.get());
    return all;
}

std::string BlockGraph::make_name() {
    std::string name;
    do {
        name = strf("#block%03u", next_name_++);
    } while (find(name) != nullptr);
    return name;
}

Result<BlockHandle*> BlockGraph::add_drive(std::string id, Node* node) {
    if (!id.empty()) {
        if (find_drive(id) != nullptr) return Error::make("Device with id '%s' already exists", id.c_str());
        if (find(id) != nullptr)
            return Error::make("Device name '%s' conflicts with an existing node name", id.c_str());
    }
    auto handle = BlockHandle::create(*this, std::move(id));
    if (node != nullptr) TRY(handle->put_in(*node));
    drives_.push_back(std::move(handle));
    return drives_.back().get();
}

BlockHandle* BlockGraph::find_drive(std::string_view id) const {
    if (id.empty()) return nullptr;
    for (const auto& drive : drives_) {
        if (drive->id() == id) return drive.get();
    }
    return nullptr;
}

BlockHandle* BlockGraph::find_device(std::string_view device) const {
    if (device.empty()) return nullptr;
    for (const auto& drive : drives_) {
        const DiskAttachment* attached = drive->attachment();
        if (attached != nullptr && (attached->device_id == device || attached->qom_path == device))
            return drive.get();
    }
    return nullptr;
}

Status BlockGraph::remove_drive(std::string_view id) {
    auto found = std::find_if(drives_.begin(), drives_.end(),
                              [&](const auto& drive) { return !id.empty() && drive->id() == id; });
    if (found == drives_.end())
        return Error::of_class(ErrorClass::DeviceNotFound, "Device '%s' not found", std::string(id).c_str());
    if ((*found)->attachment() != nullptr)
        return Error::make("Device '%s' is in use", std::string(id).c_str());
    drives_.erase(found);
    return {};
}

Result<DiskRef> BlockGraph::attach(const std::string& drive, DiskClient& client,
                                   const DiskAttachment& attachment) {
    BlockHandle* handle = find_drive(drive);
    if (handle == nullptr) {
        Node* node = find(drive);
        if (node == nullptr && !drive.empty())
            return Error::make("can't find block node or drive '%s'", drive.c_str());
        if (node == nullptr && !attachment.removable) return Error::make("drive property not set");
        handle = TRY(add_drive("", node));
    }
    Status attached = handle->attach(client, attachment);
    if (!attached) {
        if (handle->id().empty()) drop(*handle);
        return std::move(attached).take_error();
    }
    return DiskRef(*this, *handle);
}

namespace {
void collect(const Node& node, std::set<const Node*>& into) {
    if (!into.insert(&node).second) return;
    for (const Node::Child& child : node.children())
        collect(*child.node, into);
}

bool shares_nodes(const Node& one, const Node& other) {
    std::set<const Node*> first, both;
    collect(one, first);
    both = first;
    std::set<const Node*> second;
    collect(other, second);
    both.insert(second.begin(), second.end());
    return both.size() < first.size() + second.size();
}
}  // namespace

Status BlockGraph::may_bind(const BlockHandle* asking, const Node& root, const IoContext& context) const {
    for (const auto& drive : drives_) {
        if (drive.get() == asking || drive->attachment() == nullptr || !drive->loaded()) continue;
        if (&drive->context() != &context && shares_nodes(root, *drive->node()))
            return Error::make("Cannot change iothread of active block backend");
    }
    return {};
}

void BlockGraph::drop(BlockHandle& handle) {
    std::erase_if(drives_, [&](const auto& one) { return one.get() == &handle; });
}

void BlockGraph::detach(BlockHandle& handle) {
    handle.detach();
    if (handle.id().empty()) drop(handle);
}

void DiskRef::reset() {
    BlockGraph* graph = std::exchange(graph_, nullptr);
    if (graph != nullptr) graph->detach(*std::exchange(handle_, nullptr));
}

DiskRef& DiskRef::operator=(DiskRef&& other) noexcept {
    if (this == &other) return *this;
    reset();
    graph_ = std::exchange(other.graph_, nullptr);
    handle_ = std::exchange(other.handle_, nullptr);
    return *this;
}

void BlockGraph::resume_all() {
    for (const auto& drive : drives_)
        drive->resume();
}

void BlockGraph::drain_all() {
    for (const auto& drive : drives_)
        drive->drain();
}

Status BlockGraph::flush_all() {
    drain_all();
    Status first;
    // Parents are younger than their children: what they still write goes through a later flush.
    for (auto entry = nodes_.rbegin(); entry != nodes_.rend(); ++entry) {
        if (entry->node->read_only()) continue;
        Status flushed = flush_sync(*entry->node);
        if (!flushed && first) first = std::move(flushed);
    }
    return first;
}

}  // namespace vmm::block
