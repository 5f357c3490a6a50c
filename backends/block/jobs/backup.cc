// A copy of a disk as it was when the job began; see block_jobs.h. A filter over the node copies what a
// guest's write is about to change before it lets the write go on.
#include <algorithm>
#include <cerrno>

#include "backends/block/jobs/block_jobs.h"
#include "backends/block/jobs/copy.h"
#include "backends/block/jobs/job_filter.h"
#include "backends/block/jobs/run_pieces.h"

namespace vmm::block {

namespace {

constexpr uint64_t kPieceBytes = 65536;

// The copy of each piece, once: by the job or before a write. Any thread.
class CopyOnce {
  public:
    CopyOnce(Node& node, Node& target, uint64_t size, uint64_t piece_bytes)
        : node_(node), target_(target), copied_(size, piece_bytes) {}
    uint64_t piece_bytes() const { return copied_.piece_bytes(); }
    uint64_t size() const { return copied_.size(); }
    // Nothing waits any more: the backup failed or is over.
    void give_up() { over_.store(true); }
    bool covers(uint64_t offset, uint64_t bytes) const {
        return over_.load() || copied_.all_set(offset, bytes);
    }
    void skip(uint64_t offset, uint64_t bytes) {
        RangeLock::Held held(ranges_, offset, bytes);
        copied_.set(offset, bytes);
    }
    Status copy(uint64_t offset, bool& read) {
        const uint64_t bytes = std::min(piece_bytes(), size() - offset);
        RangeLock::Held held(ranges_, offset, bytes);
        if (copied_.test(offset)) return {};
        auto copier = TRY(Copier::create(node_, target_, Copier::Zeroes::AsZeroes));
        TRY(copier->copy(offset, bytes, read));
        copied_.set(offset, bytes);
        return {};
    }

  private:
    Node& node_;
    Node& target_;
    PieceMap copied_;
    RangeLock ranges_;
    std::atomic<bool> over_{false};
};

class BackupFilter final : public JobFilter {
  public:
    static Result<std::unique_ptr<BackupFilter>> create(BlockGraph& graph, Node& node,
                                                        const std::string& name, CopyOnce& copies,
                                                        std::atomic<int>& failure) {
        NodeOptions options = options_over(graph, node, name, "copy-before-write");
        NodeRef below = TRY(take_below(options, node));
        return std::unique_ptr<BackupFilter>(
            std::make_unique<BackupFilter>(std::move(options), std::move(below), copies, failure));
    }
    BackupFilter(NodeOptions options, NodeRef file, CopyOnce& copies, std::atomic<int>& failure)
        : JobFilter(std::move(options), std::move(file)), copies_(copies), failure_(failure) {}

  private:
    void do_submit(Request& request) override {
        if (!changes(request) || copies_.covers(request.offset, request.bytes)) return file().submit(request);
        Node::do_submit(request);
    }
    int do_perform(Request& request) override {
        if (changes(request)) copy_first(request.offset, request.offset + request.bytes);
        return file().perform(request);
    }
    // The guest does not suffer from a target that fails: the backup does.
    void copy_first(uint64_t offset, uint64_t end) {
        const uint64_t piece = copies_.piece_bytes();
        for (uint64_t at = offset / piece * piece; at < std::min(end, copies_.size()); at += piece) {
            if (copies_.covers(at, 1)) continue;
            bool read = true;
            if (Status copied = copies_.copy(at, read); !copied) {
                int expected = 0;
                (void)failure_.compare_exchange_strong(expected, errno_of(copied.error()));
                copies_.give_up();
                return;
            }
        }
    }
    CopyOnce& copies_;
    std::atomic<int>& failure_;
};

class BackupWork final : public JobWork {
  public:
    BackupWork(BlockGraph& graph, const BackupConfig& config, Node& node, Node& target)
        : graph_(graph),
          config_(config),
          copies_(node, target, node.size(), std::max<uint64_t>(kPieceBytes, target.cluster_size())) {}

    Status set_up(Node& node, Node& target) {
        DrainedSection drained(graph_);
        node_ = TRY(NodeRef::take(node, "job 'backup'", "job", {kPermRead}));
        target_ = TRY(NodeRef::take(target, "job 'backup'", "job",
                                    {kPermWrite, kPermAll & ~kPermWrite & ~kPermResize}));
        auto filter = TRY(BackupFilter::create(graph_, node, config_.filter_name, copies_, failure_));
        place_ = TRY(JobPlace::make(graph_, node, std::move(filter)));
        mark("backup");
        return {};
    }

    Status run(JobThread& job) override {
        if (config_.what == CopyWhat::None) {
            while (job.go_on() && failure_.load() == 0)
                job.doze(100'000'000);
            return check_failure();
        }
        const Node* stop = config_.what == CopyWhat::Top ? backing_of(*node_) : nullptr;
        auto step = [&](uint64_t offset, uint64_t bytes, bool& read) -> Result<Piece> {
            TRY(check_failure());
            const uint64_t piece = std::min({copies_.piece_bytes(), copies_.size() - offset});
            (void)bytes;
            if (stop != nullptr && !TRY(any_own(stop, offset, piece))) {
                copies_.skip(offset, piece);
                return Piece{piece, false};
            }
            const bool new_one = !copies_.covers(offset, piece);
            if (new_one) TRY(copies_.copy(offset, read));
            return Piece{piece, new_one};
        };
        TRY(run_pieces(job, copies_.size(), step));
        TRY(check_failure());
        return flush_sync(*target_);
    }

    void clean(bool) override {
        DrainedSection drained(graph_);
        copies_.give_up();
        mark("");
        if (place_) {
            Status back = place_.leave(place_.below());
            CHECK(back, "a node under backup cannot go back: %s", back.error().message().c_str());
        }
        place_ = {};
        target_.reset();
        node_.reset();
    }

  private:
    Result<bool> any_own(const Node* stop, uint64_t offset, uint64_t bytes) const {
        for (uint64_t at = offset; at < offset + bytes;) {
            const ChainExtent here = TRY(chain_extent(*node_, stop, at, offset + bytes - at));
            if (here.own) return true;
            at += here.bytes;
        }
        return false;
    }
    Status check_failure() const {
        const int number = failure_.load();
        if (number == 0) return {};
        return Error::from_errno(number, "a write of the guest could not be held up by a copy");
    }
    void mark(const char* job) {
        if (node_) node_->set_job(job);
        if (target_) target_->set_job(job);
    }

    BlockGraph& graph_;
    const BackupConfig config_;
    CopyOnce copies_;
    std::atomic<int> failure_{0};
    NodeRef node_, target_;
    JobPlace place_;
};

}  // namespace

Result<std::unique_ptr<JobWork>> backup_work(BlockGraph& graph, Node& node, Node& target,
                                             BackupConfig config) {
    TRY(check_idle(node));
    TRY(check_idle(target));
    if (&node == &target) return Error::make("Source and target cannot be the same");
    if (target.size() != node.size()) return Error::make("Source and target image have different sizes");
    auto work = std::make_unique<BackupWork>(graph, config, node, target);
    if (Status ready = work->set_up(node, target); !ready) {
        work->clean(false);
        return std::move(ready).take_error();
    }
    return std::unique_ptr<JobWork>(std::move(work));
}

}  // namespace vmm::block
