// A copy of a disk that follows the guest's writes, and active commits; see block_jobs.h. A filter over the
// node marks what is written; the job copies what is marked; what is left when the job is completed is copied
// while everything is drained.
#include <algorithm>

#include "backends/block/jobs/block_jobs.h"
#include "backends/block/jobs/copy.h"
#include "backends/block/jobs/job_filter.h"
#include "backends/block/jobs/run_pieces.h"
#include "backends/block/reopen.h"

namespace vmm::block {

namespace {

constexpr uint64_t kPieceBytes = 65536;
constexpr uint64_t kMostLeft = uint64_t{4} << 20;  // to be copied while drained
constexpr int64_t kNap = 50'000'000;

class MirrorFilter final : public JobFilter {
  public:
    static Result<std::unique_ptr<MirrorFilter>> create(BlockGraph& graph, Node& node,
                                                        const MirrorConfig& config, PieceMap& dirty,
                                                        RangeLock& ranges, Node& target) {
        NodeOptions options =
            options_over(graph, node, config.filter_name, config.into_backing ? "commit_top" : "mirror_top");
        NodeRef below = TRY(take_below(options, node));
        return std::unique_ptr<MirrorFilter>(std::make_unique<MirrorFilter>(
            std::move(options), std::move(below), dirty, ranges, config.write_blocking ? &target : nullptr));
    }
    MirrorFilter(NodeOptions options, NodeRef file, PieceMap& dirty, RangeLock& ranges, Node* target)
        : JobFilter(std::move(options), std::move(file)), dirty_(dirty), ranges_(ranges), target_(target) {}

  private:
    // A write on its way, so that it is marked when it is there. Marked before, it might be copied too early.
    struct Watched : Request {
        MirrorFilter* filter;
        Request* original;
        uint64_t at, length;
    };

    void do_submit(Request& request) override {
        if (!changes(request)) return file().submit(request);
        if (target_ != nullptr) return Node::do_submit(request);
        auto watched = std::make_unique<Watched>();
        watched->op = request.op;
        watched->flags = request.flags;
        watched->offset = watched->at = request.offset;
        watched->bytes = watched->length = request.bytes;
        watched->iov = request.iov;
        watched->filter = this;
        watched->original = &request;
        watched->done = [](Request& one) {
            std::unique_ptr<Watched> mine(&static_cast<Watched&>(one));
            mine->filter->dirty_.set(mine->at, mine->length);
            Request& original = *mine->original;
            original.result = mine->result;
            original.done(original);
        };
        file().submit(*watched.release());
    }

    int do_perform(Request& request) override {
        if (!changes(request)) return file().perform(request);
        const uint64_t at = request.offset, length = request.bytes;
        const Request asked = request;
        if (target_ == nullptr) {
            const int result = file().perform(request);
            dirty_.set(at, length);
            return result;
        }
        RangeLock::Held held(ranges_, at, length);
        const int result = file().perform(request);
        Request again = asked;
        if (result != 0 || target_->perform(again) != 0) dirty_.set(at, length);
        return result;
    }

    PieceMap& dirty_;
    RangeLock& ranges_;
    Node* const target_;  // written with every write; null: later
};

class MirrorWork final : public JobWork {
  public:
    MirrorWork(BlockGraph& graph, const MirrorConfig& config, uint64_t size)
        : graph_(graph),
          config_(config),
          dirty_(size, config.granularity != 0 ? config.granularity : kPieceBytes) {}

    Status set_up(Node& node, Node& target) {
        DrainedSection drained(graph_);
        const char* user = config_.into_backing ? "job 'commit'" : "job 'mirror'";
        if (config_.into_backing) {
            for (Node* one = &node; one != &target; one = backing_of(*one)) {
                chain_.push_back(TRY(NodeRef::take(*one, user, "job", {kPermRead})));
                if (backing_of(*one) == &target) TRY(one->let_backing_change(true));
            }
            was_read_only_ = target.read_only();
            if (was_read_only_) TRY(set_writable(graph_, target, true));
        } else {
            chain_.push_back(TRY(NodeRef::take(node, user, "job", {kPermRead})));
        }
        const uint8_t used = kPermWrite | (config_.into_backing ? kPermResize : 0);
        target_ = TRY(NodeRef::take(target, user, "job", {used, kPermAll & ~kPermWrite & ~kPermResize}));
        if (config_.into_backing && target.size() < node.size()) TRY(target.truncate(node.size()));
        const bool marked = config_.what == CopyWhat::Top && !config_.into_backing;
        copier_ =
            TRY(Copier::create(node, target, marked ? Copier::Zeroes::AsBytes : Copier::Zeroes::AsZeroes));
        auto filter = TRY(MirrorFilter::create(graph_, node, config_, dirty_, ranges_, target));
        place_ = TRY(JobPlace::make(graph_, node, std::move(filter)));
        mark(config_.into_backing ? "commit" : "mirror");
        return {};
    }

    Status run(JobThread& job) override {
        TRY(mark_all(job));
        total_ = dirty_.set_bytes();
        bool ready = false;
        uint64_t at = 0;
        while (job.go_on()) {
            if (!ready && dirty_.none()) {
                // Ready says that the copy is one, also after a crash.
                TRY(flush_sync(*target_));
                progress(job);
                job.ready();
                ready = true;
            }
            if (ready && job.asked_to_complete() && dirty_.set_bytes() <= kMostLeft) break;
            at = dirty_.next_set(at);
            if (at >= dirty_.size()) {
                at = 0;
                job.doze(kNap);
                continue;
            }
            at = TRY(copy_from(job, at));
            progress(job);
        }
        return {};
    }

    Status prepare() override {
        DrainedSection drained(graph_);
        for (uint64_t at = dirty_.next_set(0); at < dirty_.size(); at = dirty_.next_set(at)) {
            bool read = true;
            (void)dirty_.clear(at);
            TRY(copier_->copy(at, std::min(dirty_.piece_bytes(), dirty_.size() - at), read));
        }
        TRY(flush_sync(*target_));
        if (soft_cancelled_) return {};
        // It takes over what the users want of it.
        TRY(target_.set_permissions({}));
        Status done = place_.leave(*target_);
        pivoted_ = static_cast<bool>(done);
        return done;
    }

    void clean(bool) override {
        DrainedSection drained(graph_);
        mark("");
        if (place_ && !pivoted_) {
            Status back = place_.leave(place_.below());
            CHECK(back, "a mirrored node cannot go back: %s", back.error().message().c_str());
        }
        if (target_) (void)static_cast<bool>(target_.set_permissions({}));
        for (const NodeRef& node : chain_)
            (void)static_cast<bool>(node->let_backing_change(false));
        if (target_ && was_read_only_ && !pivoted_)
            (void)static_cast<bool>(set_writable(graph_, *target_, false));
        place_ = {};
        target_.reset();
        while (!chain_.empty())
            chain_.erase(chain_.begin());
    }

    bool can_complete() const override { return true; }
    bool soft_cancel() override {
        soft_cancelled_ = true;
        return true;
    }

  private:
    // What is to be copied at the start.
    Status mark_all(JobThread& job) {
        if (config_.what == CopyWhat::None) return {};
        const Node* stop = config_.into_backing            ? target_.get()
                           : config_.what == CopyWhat::Top ? backing_of(*chain_.front())
                                                           : nullptr;
        if (stop == nullptr) {
            dirty_.set(0, dirty_.size());
            return {};
        }
        for (uint64_t at = 0; at < dirty_.size() && job.go_on();) {
            const ChainExtent here = TRY(chain_extent(*chain_.front(), stop, at, dirty_.size() - at));
            if (here.own) dirty_.set(at, here.bytes);
            at += here.bytes;
        }
        return {};
    }

    // Copies marked pieces from here on; where it stopped.
    Result<uint64_t> copy_from(JobThread& job, uint64_t first) {
        uint64_t end = first;
        while (end < dirty_.size() && end - first < Copier::kMostAtOnce && dirty_.test(end))
            end += dirty_.piece_bytes();
        const uint64_t bytes = std::min(end, dirty_.size()) - first;
        bool read = true;
        Status copied;
        {
            RangeLock::Held held(ranges_, first, bytes);
            for (uint64_t at = first; at < first + bytes; at += dirty_.piece_bytes())
                (void)dirty_.clear(at);
            copied = copier_->copy(first, bytes, read);
        }
        done_ += bytes;
        job.copied(bytes);
        if (copied) return first + bytes < dirty_.size() ? first + bytes : 0;
        dirty_.set(first, bytes);
        done_ -= bytes;
        if (job.failed(read, errno_of(copied.error())) == OnError::Report)
            return std::move(copied).take_error();
        job.doze(kNap);
        return first;
    }

    void progress(JobThread& job) {
        total_ = std::max(total_, done_ + dirty_.set_bytes());
        job.set_progress(total_ - std::min(total_, dirty_.set_bytes()), total_);
    }

    void mark(const char* job) {
        for (const NodeRef& node : chain_)
            node->set_job(job);
        if (target_) target_->set_job(job);
    }

    BlockGraph& graph_;
    const MirrorConfig config_;
    PieceMap dirty_;
    RangeLock ranges_;
    std::vector<NodeRef> chain_;  // the node, and what else an active commit merges
    NodeRef target_;
    JobPlace place_;
    std::unique_ptr<Copier> copier_;
    bool was_read_only_ = false, soft_cancelled_ = false, pivoted_ = false;
    uint64_t done_ = 0, total_ = 0;  // the job's thread's
};

}  // namespace

Result<std::unique_ptr<JobWork>> mirror_work(BlockGraph& graph, Node& node, Node& target,
                                             MirrorConfig config) {
    TRY(check_idle(node));
    TRY(check_idle(target));
    if (&node == &target) return Error::make("Can't mirror node into itself");
    if (!config.into_backing && target.size() != node.size())
        return Error::make("Source and target image have different sizes");
    const uint64_t granularity = config.granularity;
    if (granularity != 0 && (granularity < 512 || granularity > uint64_t{64} << 20))
        return Error::make("Parameter 'granularity' expects a value in range [512B, 64MB]");
    if ((granularity & (granularity - 1)) != 0)
        return Error::make("Parameter 'granularity' expects a power of 2");
    auto work = std::make_unique<MirrorWork>(graph, config, node.size());
    if (Status ready = work->set_up(node, target); !ready) {
        work->clean(false);
        return std::move(ready).take_error();
    }
    return std::unique_ptr<JobWork>(std::move(work));
}

}  // namespace vmm::block
