// What opening a node shares with the formats that have children of their own.
#pragma once

#include "backends/block/open.h"

namespace vmm::block {

// Settings that a node takes over from the one it is given in, where it says nothing itself.
struct Inherited {
    bool read_only = false;
    bool auto_read_only = false;
    bool force_share = false;
    bool cache_direct = false;
    bool no_flush = false;
    bool discard_unmap = false;
};

// The node that is named, or a new one; held until the parent takes it.
Result<NodeRef> open_child(const BlockEnv& env, const qapi::BlockdevRef& ref, const Inherited& parent);

// open_qcow2.cc
Result<std::unique_ptr<Node>> open_qcow2(const BlockEnv& env, NodeOptions options, Node& file,
                                         const qapi::BlockdevOptionsQcow2& own);

}  // namespace vmm::block
