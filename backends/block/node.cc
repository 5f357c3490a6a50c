// What every block node does: judge requests, hand blocking work to workers, bind to loops; see node.h.
#include "backends/block/node.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>

#include "backends/block/align_gate.h"
#include "backends/block/graph.h"
#include "backends/block/iov.h"
#include "util/align.h"
#include "util/mmap.h"

namespace vmm::block {

namespace {

// Request::flags inside this file: the request passed its node's AlignGate.
constexpr uint8_t kGated = 0x80;

bool changes(Op op) {
    return op == Op::Write || op == Op::Discard || op == Op::WriteZeroes;
}

// A request that a worker thread carries out.
struct PerformJob : Job {
    Node* node;
    Request* request;
    int (*perform)(Node&, Request&);
    int result;
};

void perform_work(Job& job) {
    auto& mine = static_cast<PerformJob&>(job);
    mine.result = mine.perform(*mine.node, *mine.request);
}

// A write without FUA followed by a flush, for nodes that cannot do both in one.
struct FlushAfter : Request {
    Request* original;
    Node* node;
    void (*flush)(Request&);
};

}  // namespace

Node::Node(NodeOptions options, IoContext& context)
    : options_(std::move(options)), context_(&context), read_only_(options_.read_only) {}

Node::~Node() = default;

void Node::enforce_alignment(Forwards forwards) {
    if (limits_.request_alignment <= 1) gate_.reset();
    if (limits_.request_alignment > 1 && !gate_) gate_ = std::make_unique<AlignGate>();
    gate_forwards_ = forwards == Forwards::Yes;
}

bool Node::misaligned(const Request& request) const {
    uint64_t mask = limits_.request_alignment - 1;
    return gate_ && request.op != Op::Flush && ((request.offset | request.bytes) & mask) != 0;
}

// Whoever takes the threshold away tells it: once.
void Node::tell_threshold(uint64_t end) {
    uint64_t threshold = write_threshold();
    do {
        if (threshold == 0 || end <= threshold) return;
    } while (!write_threshold_.compare_exchange_weak(threshold, 0));
    if (graph_ == nullptr) return;
    graph_->events().write_threshold(
        {.node_name = name(), .exceeded = end - threshold, .threshold = threshold});
}

// The result of a request that needs no driver, else nothing; applies the options on the way.
std::optional<int> Node::judge(Request& request) {
    if (request.op == Op::Flush) return options_.no_flush ? std::optional<int>(0) : std::nullopt;
    if (!checked_add(request.offset, request.bytes) || request.offset + request.bytes > INT64_MAX)
        return -EINVAL;
    if (changes(request.op) && read_only_) return -EPERM;
    if (request.bytes == 0) return 0;
    if (request.op == Op::Discard && (!options_.discard_unmap || !capabilities_.discard)) return 0;
    if (request.op == Op::Write && options_.detect_zeroes != DetectZeroes::Off && iov_is_zero(request.iov)) {
        request.op = Op::WriteZeroes;
        if (options_.detect_zeroes == DetectZeroes::Unmap) request.flags |= kMayUnmap;
    }
    if ((request.op == Op::Write || request.op == Op::WriteZeroes) && write_threshold() != 0) [[unlikely]]
        tell_threshold(request.offset + request.bytes);
    if (request.op == Op::WriteZeroes && !options_.discard_unmap)
        request.flags &= static_cast<uint8_t>(~kMayUnmap);
    if (options_.no_flush) request.flags &= static_cast<uint8_t>(~kFua);
    return std::nullopt;
}

void Node::submit(Request& request) {
    if (std::optional<int> result = judge(request)) return context_->complete(request, *result);
    if ((request.flags & kFua) != 0 && !capabilities_.fua) return submit_with_flush(request);
    if (gate_) return submit_aligned(request);
    do_submit(request);
}

void Node::submit_aligned(Request& request) {
    if (misaligned(request))
        return offload(request, [](Node& node, Request& one) { return node.perform_merged(one); });
    if (changes(request.op)) {
        if (gate_forwards_ || !gate_->try_enter_shared())
            return offload(request, [](Node& node, Request& one) { return node.perform_gated(one); });
        request.flags |= kGated;
    }
    do_submit(request);
}

void Node::finish(Request& request, int result) {
    if ((request.flags & kGated) != 0) {
        request.flags &= static_cast<uint8_t>(~kGated);
        gate_->leave_shared();
    }
    context_->complete(request, result);
}

void Node::submit_with_flush(Request& request) {
    auto pair = std::make_unique<FlushAfter>();
    pair->op = request.op;
    pair->flags = request.flags & static_cast<uint8_t>(~kFua);
    pair->offset = request.offset;
    pair->bytes = request.bytes;
    pair->iov = request.iov;
    pair->original = &request;
    pair->node = this;
    pair->done = [](Request& written) {
        auto& both = static_cast<FlushAfter&>(written);
        bool flush_next = both.op != Op::Flush && both.result == 0;
        if (flush_next) {
            both.op = Op::Flush;
            return both.node->submit(both);
        }
        std::unique_ptr<FlushAfter> mine(&both);
        Request& original = *both.original;
        original.result = both.result;
        original.done(original);
    };
    submit(*pair.release());
}

void Node::offload(Request& request, int (*blocking)(Node&, Request&)) {
    auto job = std::make_unique<PerformJob>();
    job->node = this;
    job->request = &request;
    job->perform = blocking;
    job->work = perform_work;
    job->done = [](Job& finished) {
        std::unique_ptr<PerformJob> mine(&static_cast<PerformJob&>(finished));
        mine->node->finish(*mine->request, mine->result);
    };
    context_->run(*job.release());
}

void Node::do_submit(Request& request) {
    offload(request, [](Node& node, Request& one) { return node.do_perform(one); });
}

int Node::perform(Request& request) {
    if (std::optional<int> result = judge(request)) return *result;
    bool flush_after = (request.flags & kFua) != 0 && !capabilities_.fua;
    if (flush_after) request.flags &= static_cast<uint8_t>(~kFua);
    int result = misaligned(request)            ? perform_merged(request)
                 : gate_ && changes(request.op) ? perform_gated(request)
                                                : do_perform(request);
    if (result != 0 || !flush_after) return result;
    Request flush;
    flush.op = Op::Flush;
    return perform(flush);
}

int Node::perform_gated(Request& request) {
    gate_->enter_shared();
    int result = do_perform(request);
    gate_->leave_shared();
    return result;
}

// A request that does not cover whole blocks, by a buffer that does.
int Node::perform_merged(Request& request) {
    uint32_t block = limits_.request_alignment;
    uint64_t first = align_down(request.offset, block);
    uint64_t end = align_up(request.offset + request.bytes, block);
    if (request.op == Op::Discard || request.op == Op::WriteZeroes) return perform_part_clear(request);
    auto buffer = MappedRegion::map(end - first, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
    if (!buffer) return -ENOMEM;
    iovec whole = {buffer->data(), end - first};
    Request inner;
    inner.offset = first;
    inner.bytes = end - first;
    inner.iov = {&whole, 1};
    if (request.op == Op::Read) {
        int result = do_perform(inner);
        if (result == 0)
            (void)iov_scatter(request.iov, 0, buffer->bytes().subspan(request.offset - first, request.bytes));
        return result;
    }
    gate_->enter_alone();
    int result = do_perform(inner);
    if (result == 0) {
        (void)iov_gather(request.iov, 0, buffer->bytes().subspan(request.offset - first, request.bytes));
        inner.op = Op::Write;
        inner.flags = request.flags;
        inner.iov = {&whole, 1};
        inner.offset = first;
        inner.bytes = end - first;
        result = do_perform(inner);
    }
    gate_->leave_alone();
    return result;
}

// Discards and zeroes: whole blocks as they are; of zeroes the ends are written.
int Node::perform_part_clear(Request& request) {
    uint32_t block = limits_.request_alignment;
    uint64_t first = align_up(request.offset, block);
    uint64_t end = align_down(request.offset + request.bytes, block);
    if (request.op == Op::WriteZeroes) {
        uint64_t finish = request.offset + request.bytes;
        if (first > end) first = end = finish;  // inside one block
        std::vector<uint8_t> zeroes(block * 2u);
        struct {
            uint64_t from, to;
        } ends[2] = {{request.offset, first}, {end, finish}};
        for (auto [from, to] : ends) {
            if (from >= to) continue;
            iovec part = {zeroes.data(), to - from};
            Request write;
            write.op = Op::Write;
            write.flags = request.flags & kFua;
            write.offset = from;
            write.bytes = to - from;
            write.iov = {&part, 1};
            if (int result = perform_merged(write); result != 0) return result;
        }
    }
    if (first >= end) return 0;
    request.offset = first;
    request.bytes = end - first;
    return perform_gated(request);
}

Result<Extent> Node::extent(uint64_t offset, uint64_t bytes) {
    CHECK(bytes > 0 && offset < size(), "extent outside of node '%s'", name().c_str());
    Extent whole;
    whole.bytes = std::min(bytes, size() - offset);
    whole.mapped_at = offset;
    return whole;
}

Status Node::truncate(uint64_t) {
    return Error::from_errno(ENOTSUP, "Block format '%s' used by node '%s' does not support resizing",
                             driver().c_str(), name().c_str());
}

Status Node::populate(uint64_t, uint64_t) {
    return Error::from_errno(ENOTSUP, "node '%s' has nothing below it", name().c_str());
}

Status Node::set_backing(Node*) {
    return Error::make("The overlay does not support backing images");
}

Status Node::write_backing_name(const std::string&, const std::string&) {
    return Error::make("Format driver '%s' of node '%s' does not support backing files", driver().c_str(),
                       name().c_str());
}

Status Node::settle() {
    return read_only_ ? Status() : flush_sync(*this);
}

void Node::bind(IoContext& context) {
    if (context_ == &context) return;
    context_ = &context;
    for (const Child& one : children())
        one.node->bind(context);
    context_changed();
}

void Node::let_all_go() {
    for (const Child& one : children())
        one.node->let_all_go();
}

Node* Node::child(std::string_view role) const {
    for (const Child& one : children()) {
        if (one.role == role) return one.node;
    }
    return nullptr;
}

void Node::grow_size(uint64_t at_least) {
    uint64_t now = size_.load(std::memory_order_relaxed);
    while (now < at_least && !size_.compare_exchange_weak(now, at_least, std::memory_order_relaxed)) {
    }
}

namespace {

Status do_sync(Node& node, Op op, uint64_t offset, uint64_t bytes, const iovec* part, uint8_t flags) {
    static constexpr const char* kNames[] = {"read from", "write to", "flush", "discard in",
                                             "write zeroes to"};
    Request request;
    request.op = op;
    request.flags = flags;
    request.offset = offset;
    request.bytes = bytes;
    if (part != nullptr) request.iov = {part, 1};
    int result = node.perform(request);
    if (result == 0) return {};
    return Error::from_errno(-result, "could not %s block node '%s'", kNames[static_cast<size_t>(op)],
                             node.name().c_str());
}

}  // namespace

Status read_sync(Node& node, uint64_t offset, std::span<uint8_t> into) {
    iovec part = {into.data(), into.size()};
    return do_sync(node, Op::Read, offset, into.size(), &part, 0);
}

Status write_sync(Node& node, uint64_t offset, std::span<const uint8_t> from, uint8_t flags) {
    iovec part = {const_cast<uint8_t*>(from.data()), from.size()};  // a write only reads it
    return do_sync(node, Op::Write, offset, from.size(), &part, flags);
}

Status flush_sync(Node& node) {
    return do_sync(node, Op::Flush, 0, 0, nullptr, 0);
}

Status discard_sync(Node& node, uint64_t offset, uint64_t bytes) {
    return do_sync(node, Op::Discard, offset, bytes, nullptr, 0);
}

Status write_zeroes_sync(Node& node, uint64_t offset, uint64_t bytes, uint8_t flags) {
    return do_sync(node, Op::WriteZeroes, offset, bytes, nullptr, flags);
}

}  // namespace vmm::block
