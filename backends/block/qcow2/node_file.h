// A block node as the host file of an image. Blocking, any thread; the node is borrowed. Header only.
#pragma once

#include "backends/block/node.h"
#include "backends/block/qcow2/image_file.h"

namespace vmm::block {

class NodeImageFile final : public qcow2::ImageFile {
  public:
    explicit NodeImageFile(Node& node) : node_(node) {}
    Status read(uint64_t offset, std::span<uint8_t> into) override { return read_sync(node_, offset, into); }
    Status write(uint64_t offset, std::span<const uint8_t> from) override {
        return write_sync(node_, offset, from);
    }
    Status flush() override { return flush_sync(node_); }
    Status discard(uint64_t offset, uint64_t bytes) override { return discard_sync(node_, offset, bytes); }
    uint64_t size() const override { return node_.size(); }

  private:
    Node& node_;
};

}  // namespace vmm::block
