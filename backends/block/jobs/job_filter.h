// JobFilter: a node that a job puts over the one it works with, to see what the guest writes; and JobPlace,
// which puts it there and takes it away. Main thread, but for requests.
#pragma once

#include <string>

#include "backends/block/drain.h"
#include "backends/block/filter.h"

namespace vmm::block {

class JobFilter : public FilterNode {
  public:
    bool child_may_change(std::string_view role) const override { return role == "file"; }
    bool implicit_filter() const override { return true; }

  protected:
    JobFilter(NodeOptions options, NodeRef file) : FilterNode(std::move(options), std::move(file)) {}
    static NodeOptions options_over(BlockGraph& graph, const Node& node, const std::string& name,
                                    const char* driver);
    static Result<NodeRef> take_below(const NodeOptions& options, Node& node) {
        return take_file(options.name, node);
    }
    static bool changes(const Request& request) { return request.op != Op::Read && request.op != Op::Flush; }
};

// The medium that people mean by a drive: what is under the filters of jobs.
Node& skip_filters(Node& node);

class JobPlace {
  public:
    // Puts the filter over the node, for all of its users. Drained.
    static Result<JobPlace> make(BlockGraph& graph, Node& node, std::unique_ptr<JobFilter> filter);
    JobPlace() = default;
    // The users get this node: the one below, or another one. Drained. The filter is gone afterwards.
    Status leave(Node& to);
    explicit operator bool() const { return static_cast<bool>(filter_); }
    Node& below() const { return *filter_->child("file"); }

  private:
    BlockGraph* graph_ = nullptr;
    NodeRef filter_;
};

}  // namespace vmm::block
