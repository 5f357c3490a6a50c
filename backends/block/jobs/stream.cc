// An image takes in what it lies on; see block_jobs.h.
#include <vector>

#include "backends/block/jobs/block_jobs.h"
#include "backends/block/jobs/copy.h"
#include "backends/block/jobs/run_pieces.h"
#include "backends/block/reopen.h"

namespace vmm::block {

namespace {

class StreamWork final : public JobWork {
  public:
    StreamWork(BlockGraph& graph, StreamConfig config) : graph_(graph), config_(std::move(config)) {}

    Status set_up(Node& node, Node* base) {
        DrainedSection drained(graph_);
        node_ = TRY(NodeRef::take(node, "job 'stream'", "job", {kPermRead}));
        was_read_only_ = node.read_only();
        if (was_read_only_) TRY(set_writable(graph_, node, true));
        for (Node* below = backing_of(node); below != base; below = backing_of(*below))
            chain_.push_back(TRY(NodeRef::take(*below, "job 'stream'", "job", {kPermRead})));
        if (base != nullptr) base_ = TRY(NodeRef::take(*base, "job 'stream'", "job", {kPermRead}));
        mark("stream");
        return {};
    }

    Status run(JobThread& job) override {
        if (chain_.empty()) return {};
        Node& below = *chain_.front();
        auto piece = [&](uint64_t offset, uint64_t bytes, bool& read) -> Result<Piece> {
            read = true;
            const Extent here = TRY(node_->extent(offset, bytes));
            if (here.kind != Extent::Kind::Unallocated) return Piece{here.bytes, false};
            const ChainExtent there = TRY(chain_extent(below, base_.get(), offset, here.bytes));
            // Nothing shows through afterwards, so zeroes need not be written.
            const bool needed = there.own && !(there.zero && !base_);
            if (needed) TRY(node_->populate(offset, there.bytes));
            return Piece{there.bytes, needed};
        };
        return run_pieces(job, node_->size(), piece);
    }

    Status prepare() override {
        if (chain_.empty()) return {};
        DrainedSection drained(graph_);
        TRY(node_->set_backing(base_.get()));
        if (!base_) return node_->write_backing_name("", "");
        return node_->write_backing_name(config_.backing_file.value_or(base_->filename()), base_->driver());
    }

    void clean(bool) override {
        DrainedSection drained(graph_);
        mark("");
        if (node_ && was_read_only_) (void)static_cast<bool>(set_writable(graph_, *node_, false));
        base_.reset();
        while (!chain_.empty())
            chain_.erase(chain_.begin());
        node_.reset();
    }

  private:
    void mark(const char* job) {
        for (const NodeRef& node : chain_)
            node->set_job(job);
        if (node_) node_->set_job(job);
    }

    BlockGraph& graph_;
    const StreamConfig config_;
    NodeRef node_, base_;
    std::vector<NodeRef> chain_;  // what goes away
    bool was_read_only_ = false;
};

}  // namespace

Result<std::unique_ptr<JobWork>> stream_work(BlockGraph& graph, Node& node, Node* base, StreamConfig config) {
    TRY(check_idle(node));
    if (!node.child_may_change("backing"))
        return Error::make("Node '%s' of format '%s' has no backing file", node.name().c_str(),
                           node.driver().c_str());
    for (Node* below = backing_of(node); below != nullptr && below != base; below = backing_of(*below))
        TRY(check_idle(*below));
    auto work = std::make_unique<StreamWork>(graph, std::move(config));
    if (Status ready = work->set_up(node, base); !ready) {
        work->clean(false);
        return std::move(ready).take_error();
    }
    return std::unique_ptr<JobWork>(std::move(work));
}

}  // namespace vmm::block
