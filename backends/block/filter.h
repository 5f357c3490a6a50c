// FilterNode: a node over one child ("file") that passes requests on, perhaps changed, late or not at all.
// Base of raw, throttle and blkdebug.
#pragma once

#include "backends/block/node.h"

namespace vmm::block {

class FilterNode : public Node {
  public:
    std::vector<Child> children() const override { return {{"file", file_.get()}}; }
    Result<Extent> extent(uint64_t offset, uint64_t bytes) override { return file_->extent(offset, bytes); }
    Status truncate(uint64_t size) override {
        TRY(file_->truncate(size));
        set_size(file_->size());
        return {};
    }
    std::optional<uint64_t> allocated_bytes() const override { return file_->allocated_bytes(); }
    std::string filename() const override { return file_->filename(); }

  protected:
    // What every create() of a filter does with its child.
    static Result<NodeRef> take_file(const std::string& name, Node& file) {
        return NodeRef::take(file, "node '" + name + "'", "file", {});
    }
    FilterNode(NodeOptions options, NodeRef file)
        : Node(std::move(options), file->context()), file_(std::move(file)) {
        follow_file();
    }
    void child_changed() override { follow_file(); }
    void follow_file() {
        set_size(file_->size());
        set_limits(file_->limits());
        set_capabilities(file_->capabilities());
    }
    NodeRef* child_ref(std::string_view role) override { return role == "file" ? &file_ : nullptr; }
    int do_perform(Request& request) override { return file_->perform(request); }
    void do_submit(Request& request) override { file_->submit(request); }
    Node& file() const { return *file_; }

  private:
    NodeRef file_;
};

}  // namespace vmm::block
