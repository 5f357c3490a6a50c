// Committing images that are not written any more into what they lie on; see block_jobs.h. (Committing the
// image that the guest writes is a mirror into its base, mirror.cc.)
#include <algorithm>
#include <vector>

#include "backends/block/jobs/block_jobs.h"
#include "backends/block/jobs/copy.h"
#include "backends/block/jobs/run_pieces.h"
#include "backends/block/reopen.h"

namespace vmm::block {

Status check_idle(const Node& node) {
    if (node.job().empty()) return {};
    return Error::make("Node '%s' is busy: block device is in use by block job: %s", node.name().c_str(),
                       node.job().c_str());
}

namespace {

class CommitWork final : public JobWork {
  public:
    CommitWork(BlockGraph& graph, CommitConfig config) : graph_(graph), config_(std::move(config)) {}

    Status set_up(Node& overlay, Node& top, Node& base) {
        DrainedSection drained(graph_);
        overlay_ = TRY(NodeRef::take(overlay, "job 'commit'", "job", {}));
        for (Node* node = &top; node != &base; node = backing_of(*node)) {
            chain_.push_back(TRY(NodeRef::take(*node, "job 'commit'", "job", {kPermRead})));
            if (backing_of(*node) == &base) TRY(node->let_backing_change(true));
        }
        was_read_only_ = base.read_only();
        if (was_read_only_) TRY(set_writable(graph_, base, true));
        constexpr uint8_t kUsed = kPermRead | kPermWrite | kPermResize;
        base_ = TRY(NodeRef::take(base, "job 'commit'", "job", {kUsed, kPermRead | kPermWriteUnchanged}));
        if (base.size() < top.size()) TRY(base.truncate(top.size()));
        copier_ = TRY(Copier::create(top, base, Copier::Zeroes::AsZeroes));
        mark("commit");
        return {};
    }

    Status run(JobThread& job) override {
        Node& top = *chain_.front();
        auto piece = [&](uint64_t offset, uint64_t bytes, bool& read) -> Result<Piece> {
            read = true;
            const ChainExtent here = TRY(chain_extent(top, base_.get(), offset, bytes));
            if (here.own) TRY(copier_->copy(offset, here.bytes, read));
            return Piece{here.bytes, here.own};
        };
        TRY(run_pieces(job, top.size(), piece));
        return flush_sync(*base_);
    }

    Status prepare() override {
        DrainedSection drained(graph_);
        const bool read_only = overlay_->read_only();
        if (read_only) TRY(set_writable(graph_, *overlay_, true));
        TRY(base_.set_permissions({}));
        Status done = overlay_->set_backing(base_.get());
        if (done)
            done = overlay_->write_backing_name(config_.backing_file.value_or(base_->filename()),
                                                base_->driver());
        if (read_only) (void)static_cast<bool>(set_writable(graph_, *overlay_, false));
        return done;
    }

    void clean(bool) override {
        DrainedSection drained(graph_);
        mark("");
        if (base_) (void)static_cast<bool>(base_.set_permissions({}));
        for (const NodeRef& node : chain_)
            (void)static_cast<bool>(node->let_backing_change(false));
        if (base_ && was_read_only_) (void)static_cast<bool>(set_writable(graph_, *base_, false));
        base_.reset();
        chain_.clear();
        overlay_.reset();
    }

  private:
    void mark(const char* job) {
        for (const NodeRef& node : chain_)
            node->set_job(job);
        if (base_) base_->set_job(job);
        if (overlay_) overlay_->set_job(job);
    }

    BlockGraph& graph_;
    const CommitConfig config_;
    NodeRef overlay_, base_;
    std::vector<NodeRef> chain_;  // top first
    bool was_read_only_ = false;
    std::unique_ptr<Copier> copier_;
};

}  // namespace

Result<std::unique_ptr<JobWork>> commit_work(BlockGraph& graph, Node& overlay, Node& top, Node& base,
                                             CommitConfig config) {
    TRY(check_idle(overlay));
    for (Node* node = &top; node != &base; node = backing_of(*node)) {
        CHECK(node != nullptr, "the base of a commit is not below its top");
        TRY(check_idle(*node));
    }
    TRY(check_idle(base));
    auto work = std::make_unique<CommitWork>(graph, std::move(config));
    if (Status ready = work->set_up(overlay, top, base); !ready) {
        work->clean(false);
        return std::move(ready).take_error();
    }
    return std::unique_ptr<JobWork>(std::move(work));
}

}  // namespace vmm::block
