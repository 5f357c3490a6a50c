// The options of qcow2 to its node.
#include "backends/block/open_format_priv.h"

namespace vmm::block {

Result<std::unique_ptr<Node>> open_qcow2(const BlockEnv&, NodeOptions options, Node&,
                                         const qapi::BlockdevOptionsQcow2&) {
    return Error::make("node '%s': qcow2 images are not there in this version", options.name.c_str());
}

}  // namespace vmm::block
