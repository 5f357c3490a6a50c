// Reopening: nodes that are in use get other options, children and rights, all of them or none. Like this
// blockdev-reopen works (options/reopen.cc), and whatever makes an image writable for a while. Main thread,
// inside a DrainedSection (drain.h).
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "backends/block/graph.h"

namespace vmm::block {

// A driver's own options, which only it knows: RawConfig...
struct DriverConfig {
    virtual ~DriverConfig() = default;
};
template <typename T>
struct ConfigOf final : DriverConfig {
    explicit ConfigOf(T config) : value(std::move(config)) {}
    T value;
};
// What the driver made the change with.
template <typename T>
const T& config_in(const DriverConfig& own) {
    return static_cast<const ConfigOf<T>&>(own).value;
}

struct NodeChange {
    Node* node = nullptr;
    NodeOptions options;                // the name, the driver and the file name stay
    std::unique_ptr<DriverConfig> own;  // null: as they are
    // Given: this is the child from now on; no backing node: nothing shows through.
    Node* file = nullptr;
    std::optional<Node*> backing;
    bool must_write = false;  // auto-read-only is no way out
};

// Whether one is the other, or stands over it.
bool reaches(const Node& from, const Node& to);

// The nodes are different ones, already in the graph. A failure leaves everything as it was.
Status reopen_nodes(BlockGraph& graph, std::vector<NodeChange> changes);

// From read-only to writable, with the files below; or back, alone. Jobs and commands do this around their
// work with an image that is otherwise only read.
Status set_writable(BlockGraph& graph, Node& node, bool writable);

}  // namespace vmm::block
