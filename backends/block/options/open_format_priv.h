// What opening a node shares with the formats that have children of their own.
#pragma once

#include "backends/block/options/open.h"
#include "backends/block/qcow2/qcow2_node.h"

namespace vmm::block {

// Settings that a node takes over from the one it is given in, where it says nothing itself.
struct Inherited {
    bool read_only = false;
    bool auto_read_only = false;
    bool force_share = false;
    bool cache_direct = false;
    bool no_flush = false;
    bool discard_unmap = false;
    unsigned backing_depth = 0;  // how many images lie on this one
};

// Named: the user's, ended by blockdev-del. ProbedRaw: raw, but only by guess.
enum class NodeKind : uint8_t { Anonymous, Named, ProbedRaw };

// The settings of a node in the place "file" of another one, and in the place "backing".
Inherited for_file(const NodeOptions& parent);
Inherited for_backing(const NodeOptions& parent, unsigned depth);

// What every node has, from its options and those that it takes over. Refuses what excludes each other.
Result<NodeOptions> node_options(const BlockEnv& env, const qapi::BlockdevOptions& options,
                                 const Inherited& parent);
// The options that Node::given() has: all but children.
qapi::Dict own_options(const qapi::BlockdevOptions& options);

Result<NodeRef> open_node(const BlockEnv& env, const qapi::BlockdevOptions& options, const Inherited& parent,
                          NodeKind kind);

// The node that is named, or a new one; held until the parent takes it.
Result<NodeRef> open_child(const BlockEnv& env, const qapi::BlockdevRef& ref, const Inherited& parent);

// open_drive.cc: the image over a file; an empty format is asked of the file. `rest`: the image's other
// options, as keyval has them. `name` is for messages.
struct ImageOver {
    Node& file;
    std::string format;
    qapi::Dict rest;
    std::string name;
    bool warn_of_raw = true;
};
Result<NodeRef> open_image_over(const BlockEnv& env, const ImageOver& image, const Inherited& parent);

// open_qcow2.cc
Qcow2Config qcow2_config(const BlockEnv& env, const qapi::BlockdevOptionsQcow2& own);
Result<std::unique_ptr<Node>> open_qcow2(const BlockEnv& env, NodeOptions options, Node& file,
                                         const qapi::BlockdevOptionsQcow2& own, unsigned backing_depth);
// A temporary overlay that takes all writes; the image below is only read.
Result<NodeRef> open_snapshot(const BlockEnv& env, Node& image);

}  // namespace vmm::block
