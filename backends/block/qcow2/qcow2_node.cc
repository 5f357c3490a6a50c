#include "backends/block/qcow2/qcow2_node.h"

#include <algorithm>
#include <cerrno>
#include <thread>

#include "backends/block/iov.h"
#include "backends/block/reopen.h"
#include "util/align.h"
#include "util/log.h"

namespace vmm::block {

using qcow2::ClusterKind;
using qcow2::Image;
using qcow2::Mapping;

namespace {

constexpr uint64_t kMostBounce = uint64_t{2} << 20;
constexpr uint64_t kMostJoined = uint64_t{1} << 20;

int number_of(const Status& status) {
    if (status) return 0;
    return status.error().number() != 0 ? -status.error().number() : -EIO;
}

Result<qcow2::OpenOptions> open_options(const NodeOptions& node, const Qcow2Config& config) {
    qcow2::OpenOptions o;
    o.writable = !node.read_only;
    o.name = "node '" + node.name + "'";
    o.corruption_found = [name = node.name, tell = config.corruption_found](const std::string& what,
                                                                            bool fatal) {
        log_error("qcow2: Marking image as corrupt: %s; nothing more is written to it (node '%s')",
                  what.c_str(), name.c_str());
        if (tell) tell({name, what, fatal});
    };
    o.lazy_refcounts = config.lazy_refcounts;
    o.pass_discard_request = config.pass_discard_request.value_or(node.discard_unmap);
    o.pass_discard_other = config.pass_discard_other;
    o.overlap_check = config.overlap_check;
    if (config.cache_size && config.l2_cache_size && config.refcount_cache_size &&
        *config.l2_cache_size + *config.refcount_cache_size > *config.cache_size)
        return Error::make(
            "cache-size, l2-cache-size and refcount-cache-size may not be set at the same time");
    if (config.l2_cache_size && config.cache_size && *config.l2_cache_size > *config.cache_size)
        return Error::make("l2-cache-size may not exceed cache-size");
    if (config.refcount_cache_size && config.cache_size && *config.refcount_cache_size > *config.cache_size)
        return Error::make("refcount-cache-size may not exceed cache-size");
    o.refcount_cache_bytes = config.refcount_cache_size.value_or(0);
    if (config.cache_size) o.l2_cache_bytes = *config.cache_size - o.refcount_cache_bytes;
    if (config.l2_cache_size) o.l2_cache_bytes = *config.l2_cache_size;
    if (config.cache_size && config.l2_cache_size && !config.refcount_cache_size)
        o.refcount_cache_bytes = *config.cache_size - *config.l2_cache_size;
    if (config.l2_cache_entry_size) {
        if (!is_power_of_two(*config.l2_cache_entry_size) || *config.l2_cache_entry_size < qcow2::kSectorSize)
            return Error::make("L2 cache entry size must be a power of two between 512 and the cluster size");
        o.l2_piece_bytes = *config.l2_cache_entry_size;
    }
    return o;
}

// A span over one vector's memory.
std::span<uint8_t> memory_of(const iovec& vector) {
    return {static_cast<uint8_t*>(vector.iov_base), vector.iov_len};
}

}  // namespace

std::optional<uint32_t> overlap_template(std::string_view name) {
    if (name == "none") return qcow2::kOverlapNone;
    if (name == "constant") return qcow2::kOverlapConstant;
    if (name == "cached") return qcow2::kOverlapCached;
    if (name == "all") return qcow2::kOverlapAll;
    return std::nullopt;
}

class Qcow2Node::Turn {
  public:
    explicit Turn(Qcow2Node& node) : node_(node) {
        Locked lock(node_.turn_mutex_);
        while (node_.taken_)
            node_.turn_over_.wait(node_.turn_mutex_);
        node_.taken_ = true;
    }
    ~Turn() {
        {
            Locked lock(node_.turn_mutex_);
            node_.taken_ = false;
        }
        node_.turn_over_.notify_one();
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

  private:
    Qcow2Node& node_;
};

Permissions Qcow2Node::file_permissions(const NodeOptions& options, Permissions mine) {
    Permissions wanted{static_cast<uint8_t>(mine.used | kPermRead), mine.shared};
    // Metadata are written even when the guest writes nothing, and nobody else may.
    if (!options.read_only) wanted.used |= kPermWrite | kPermResize;
    if (!options.force_share) wanted.shared &= kPermRead | kPermWriteUnchanged;
    return wanted;
}

Permissions Qcow2Node::child_permissions(std::string_view role, Permissions mine) const {
    if (role == "file") return file_permissions(options(), mine);
    return Node::child_permissions(role, mine);
}

NodeRef* Qcow2Node::child_ref(std::string_view role) {
    if (role == "file") return &file_;
    return role == "backing" ? &backing_ : nullptr;
}

std::vector<Node::Child> Qcow2Node::children() const {
    std::vector<Child> all{{"file", file_.get()}};
    if (backing_) all.push_back({"backing", backing_.get()});
    return all;
}

Result<std::unique_ptr<Qcow2Node>> Qcow2Node::create(NodeOptions options, Node& file,
                                                     const Qcow2Config& config) {
    (void)TRY(open_options(options, config));  // what is wrong with them is said before the file is touched
    NodeRef ref =
        TRY(NodeRef::take(file, "node '" + options.name + "'", "file", file_permissions(options, {})));
    auto node = std::make_unique<Qcow2Node>(Token(), std::move(options), std::move(ref));
    node->open_ = TRY(node->open_image(config));
    NodeCapabilities can;
    can.discard = can.write_zeroes = true;
    node->set_capabilities(can);
    node->set_size(node->image().size());
    node->child_changed();
    return node;
}

void Qcow2Node::child_changed() {
    NodeLimits limits;
    limits.memory_alignment = file_->limits().memory_alignment;
    limits.discard_alignment = cluster_size();
    set_limits(limits);
}

Result<Qcow2Node::Opened> Qcow2Node::open_image(const Qcow2Config& config) {
    qcow2::OpenOptions how = TRY(open_options(options(), config));
    Opened opened;
    opened.config = config;
    opened.file = std::make_unique<NodeImageFile>(*file_);
    opened.image = TRY(Image::open(*opened.file, how));
    if (how.l2_piece_bytes > opened.image->geometry().cluster_size())
        return Error::make("L2 cache entry size must be a power of two between 512 and the cluster size");
    opened.fast = std::make_unique<FastPath>(*opened.image, *this, *file_);
    return opened;
}

void Qcow2Node::see_backing() {
    open_.image->set_backing(backing_ ? &backing_reader_ : nullptr);
    open_.fast->set_backing(backing_ ? &backing_ : nullptr);
}

Qcow2Node::Qcow2Node(Token, NodeOptions options, NodeRef file)
    : Node(std::move(options), file->context()), file_(std::move(file)) {}

Qcow2Node::~Qcow2Node() {
    if (!open_.image) return;
    wait_for_workers();
    Turn turn(*this);
    if (Status closed = open_.image->close(); !closed)
        log_error("qcow2: closing node '%s': %s", name().c_str(), closed.error().message().c_str());
}

// All requests are done; a worker may be a few instructions from noticing.
void Qcow2Node::wait_for_workers() {
    while (workers_.load(std::memory_order_acquire) != 0)
        std::this_thread::yield();
}

Status Qcow2Node::set_backing(Node* backing) {
    NodeRef taken;
    if (backing != nullptr) {
        backing->bind(context());
        taken = TRY(NodeRef::take(*backing, "node '" + name() + "'", "backing",
                                  child_permissions("backing", wanted())));
    }
    wait_for_workers();
    Turn turn(*this);
    backing_ = std::move(taken);
    see_backing();
    return {};
}

Status Qcow2Node::write_backing_name(const std::string& file, const std::string& format) {
    if (read_only()) return Error::from_errno(EACCES, "Block node '%s' is read-only", name().c_str());
    Turn turn(*this);
    return open_.image->write_backing_name(file, format);
}

// Whoever opens the image next finds it whole; this one can be used on.
Status Qcow2Node::settle() {
    if (read_only()) return {};
    wait_for_workers();
    Turn turn(*this);
    TRY(open_.image->close());
    return flush_sync(*file_);
}

// Opened once more beside the open one, which has written out everything: what the image is allowed to do is
// decided there.
Status Qcow2Node::apply(const NodeChange& change) {
    wait_for_workers();
    Turn turn(*this);
    Opened opened =
        TRY(open_image(change.own != nullptr ? config_in<Qcow2Config>(*change.own) : open_.config));
    before_ = std::exchange(open_, std::move(opened));
    see_backing();
    set_size(image().size());
    return {};
}

void Qcow2Node::undo() {
    std::swap(open_, *before_);  // which knows what it lay on
    before_.reset();
}

Status Qcow2Node::populate(uint64_t offset, uint64_t bytes) {
    if (offset >= size()) return {};
    bytes = std::min(bytes, size() - offset);
    Turn turn(*this);
    open_.image->map().exclude(offset, bytes);
    Status done = open_.image->populate(offset, bytes);
    open_.image->map().release();
    return done;
}

void Qcow2Node::do_submit(Request& request) {
    if (!open_.fast->take(request)) queue(request);
}

// The loop's thread.
void Qcow2Node::queue(Request& request) {
    {
        Locked lock(queue_mutex_);
        request.next = nullptr;
        (first_ ? last_->next : first_) = &request;
        last_ = &request;
        if (std::exchange(working_, true)) return;
    }
    workers_.fetch_add(1, std::memory_order_relaxed);
    // It may outlive the node, of which it touches nothing after work().
    auto worker = std::make_unique<Worker>();
    worker->node = this;
    worker->work = [](Job& job) { static_cast<Worker&>(job).node->work(); };
    worker->done = [](Job& job) { std::unique_ptr<Worker> mine(&static_cast<Worker&>(job)); };
    context().run(*worker.release());
}

// A worker thread, one at a time.
void Qcow2Node::work() {
    while (take_batch()) {
        // One that cannot be done with the others is tried alone: its error is not theirs.
        if (batch_.size() > 1 && write_joined() == 0) {
            for (Request* request : batch_)
                finish(*request, 0);
            continue;
        }
        for (Request* request : batch_)
            finish(*request, do_perform(*request));
    }
    workers_.fetch_sub(1, std::memory_order_release);  // the last that is touched
}

// The next request; writes that follow each other without a gap come together.
bool Qcow2Node::take_batch() {
    Locked lock(queue_mutex_);
    batch_.clear();
    if (!first_) {
        working_ = false;
        return false;
    }
    uint64_t bytes = 0;
    while (first_) {
        Request& next = *first_;
        if (!batch_.empty()) {
            const Request& last = *batch_.back();
            bool follows =
                last.op == Op::Write && next.op == Op::Write && next.offset == last.offset + last.bytes;
            if (!follows || bytes + next.bytes > kMostJoined) break;
        }
        bytes += next.bytes;
        batch_.push_back(&next);
        first_ = next.next;
    }
    return true;
}

int Qcow2Node::write_joined() {
    Request whole;
    whole.op = Op::Write;
    whole.offset = batch_.front()->offset;
    joined_.clear();
    for (const Request* one : batch_) {
        joined_.insert(joined_.end(), one->iov.begin(), one->iov.end());
        whole.bytes += one->bytes;
    }
    whole.iov = joined_;
    return do_perform(whole);
}

int Qcow2Node::do_perform(Request& request) {
    Turn turn(*this);
    bool changes = request.op != Op::Read && request.op != Op::Flush;
    if (!changes) return carry_out(request);
    if (request.offset > size() || request.bytes > size() - request.offset) return -ENOSPC;
    open_.image->map().exclude(request.offset, request.bytes);
    int result = carry_out(request);
    open_.image->map().release();
    return result;
}

int Qcow2Node::carry_out(Request& request) {
    switch (request.op) {
        case Op::Read:
            file_->debug_event("read_aio");
            return read(request);
        case Op::Write:
            file_->debug_event("write_aio");
            return write(request);
        case Op::WriteZeroes:
            // Version 2 has no other way than writing them.
            if (open_.image->geometry().version < 3 && (request.flags & kNoFallback)) return -ENOTSUP;
            return number_of(
                open_.image->write_zeroes(request.offset, request.bytes, (request.flags & kMayUnmap) == 0));
        case Op::Discard: {
            int result = number_of(open_.image->discard(request.offset, request.bytes));
            return result == -ENOTSUP ? 0 : result;
        }
        default:
            file_->debug_event("flush_to_os");
            file_->debug_event("flush_to_disk");
            return number_of(open_.image->flush());
    }
}

int Qcow2Node::read(Request& request) {
    uint64_t end = size(), offset = request.offset;
    uint64_t there = offset < end ? std::min(request.bytes, end - offset) : 0;
    if (there < request.bytes) iov_clear(request.iov, there);
    for (const iovec& vector : request.iov) {
        uint64_t bytes = std::min<uint64_t>(vector.iov_len, there);
        if (bytes == 0) break;
        if (int result = number_of(open_.image->read(offset, memory_of(vector).first(bytes))); result != 0)
            return result;
        offset += bytes;
        there -= bytes;
    }
    return 0;
}

int Qcow2Node::write(Request& request) {
    if (request.iov.size() == 1)
        return number_of(open_.image->write(request.offset, memory_of(request.iov[0]).first(request.bytes)));
    // Gathered, so that a cluster is allocated and filled once.
    for (uint64_t at = 0; at < request.bytes;) {
        uint64_t bytes = std::min(request.bytes - at,
                                  kMostBounce - open_.image->geometry().in_cluster(request.offset + at));
        bounce_.resize(bytes);
        (void)iov_gather(request.iov, at, bounce_);
        if (int result = number_of(open_.image->write(request.offset + at, bounce_)); result != 0)
            return result;
        at += bytes;
    }
    return 0;
}

Result<Extent> Qcow2Node::extent(uint64_t offset, uint64_t bytes) {
    Turn turn(*this);
    Mapping mapping = TRY(open_.image->map().lookup(offset, std::min(bytes, size() - offset)));
    Extent extent;
    extent.bytes = mapping.bytes;
    switch (mapping.kind) {
        case ClusterKind::Data:
            extent.mapped_at = mapping.host;
            break;
        case ClusterKind::Unallocated:
            extent.kind = backing_ ? Extent::Kind::Unallocated : Extent::Kind::Zero;
            break;
        case ClusterKind::Zero:
        case ClusterKind::ZeroAllocated:
            extent.kind = Extent::Kind::Zero;
            break;
        default:
            break;
    }
    return extent;
}

Status Qcow2Node::truncate(uint64_t size) {
    if (read_only()) return Error::from_errno(EPERM, "node '%s' is read-only", name().c_str());
    {
        Turn turn(*this);
        TRY(open_.image->resize(size));
    }
    set_size(open_.image->size());
    return {};
}

}  // namespace vmm::block
