#include "backends/block/jobs/job_filter.h"

namespace vmm::block {

NodeOptions JobFilter::options_over(BlockGraph& graph, const Node& node, const std::string& name,
                                    const char* driver) {
    NodeOptions options;
    options.name = name.empty() ? graph.make_name() : name;
    options.driver = driver;
    options.read_only = node.read_only();
    options.discard_unmap = true;  // the node below decides
    return options;
}

Node& skip_filters(Node& node) {
    Node* medium = &node;
    while (medium->implicit_filter())
        medium = medium->child("file");
    return *medium;
}

Result<JobPlace> JobPlace::make(BlockGraph& graph, Node& node, std::unique_ptr<JobFilter> filter) {
    JobPlace place;
    place.graph_ = &graph;
    Node& over = graph.add(std::move(filter), false);
    place.filter_ = TRY(NodeRef::take(over, "the job", "job", {}));
    over.bind(node.context());
    TRY(graph.replace(node, over, &over));
    return place;
}

Status JobPlace::leave(Node& to) {
    TRY(graph_->replace(*filter_, to, nullptr));
    filter_.reset();
    return {};
}

}  // namespace vmm::block
