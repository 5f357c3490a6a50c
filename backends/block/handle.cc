// A disk device's drive; see handle.h. A request's way: submit() on any thread, start() on the loop's (range,
// medium, throttling), the root node, finished() (error policy, counters), the device.
#include "backends/block/handle.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "backends/block/graph.h"
#include "backends/block/handle_stats_priv.h"
#include "backends/block/queue.h"
#include "backends/block/throttle.h"
#include "util/align.h"
#include "util/mutex.h"

namespace vmm::block {

namespace {
constexpr uint64_t kSectorSize = 512;

bool writes(Op op) {
    return op == Op::Write || op == Op::WriteZeroes || op == Op::Discard;
}
}  // namespace

struct BlockHandle::State final : Job, ThrottleUser {
    State(BlockGraph& g, std::string name) : graph(g), id(std::move(name)), context(&g.context()) {}

    BlockGraph& graph;
    std::string id;  // the main thread's, but for io_error(), which a drained drive does not call
    BlockHandle* handle = nullptr;
    // Changed on the main thread while nothing is in flight, read by any thread that is counted there.
    IoContext* context;
    NodeRef root;
    std::unique_ptr<ThrottleMember> throttle;
    DiskClient* client = nullptr;
    DiskAttachment attached;
    OnError default_rerror = OnError::Auto, default_werror = OnError::Auto;
    bool default_write_cache = true;
    OnError rerror = OnError::Report, werror = OnError::Enospc;

    std::atomic<uint64_t> size{0};
    std::atomic<bool> read_only{false};
    std::atomic<bool> write_cache{true};
    std::atomic<unsigned> in_flight{0};
    std::atomic<unsigned> quiesced{0};
    std::atomic<const char*> io_status{"ok"};

    Mutex mutex{LockRank::Leaf, "block handle"};
    Queue<Request> incoming GUARDED_BY(mutex);
    Queue<Request> parked GUARDED_BY(mutex);
    std::atomic<bool> posted{false};  // the job is on its way to the loop

    HandleStats stats;

    bool let_in(DiskRequest& request);
    void enqueue(DiskRequest& request);
    void post();
    void intake();
    void start(DiskRequest& request);
    void go(DiskRequest& request);
    void let_go(Request& request) override { go(static_cast<DiskRequest&>(request)); }
    void finished(DiskRequest& request);
    OnError judge_error(const DiskRequest& request) const;
    void report(const DiskRequest& request, OnError action);
    void leave();
    void quiesce();
    void unquiesce();
    bool has_incoming();
    Permissions permissions(const Node& node) const;
    void go_home();
    void medium_known();
};

std::unique_ptr<BlockHandle> BlockHandle::create(BlockGraph& graph, std::string id) {
    auto state = std::make_unique<State>(graph, std::move(id));
    State& inner = *state;
    inner.done = [](Job& job) { static_cast<State&>(job).intake(); };
    auto handle = std::make_unique<BlockHandle>(Token(), std::move(state));
    inner.handle = handle.get();
    return handle;
}

BlockHandle::BlockHandle(Token, std::unique_ptr<State> state) : state_(std::move(state)) {}

BlockHandle::~BlockHandle() {
    drain();
}

// ---- the way down ----

void BlockHandle::submit(DiskRequest& request) {
    State& state = *state_;
    request.handle = this;
    request.asked_op = request.op;
    request.asked_flags = request.flags;
    request.asked_offset = request.offset;
    request.done = [](Request& one) {
        auto& mine = static_cast<DiskRequest&>(one);
        mine.handle->state_->finished(mine);
    };
    // Counted before the look at `quiesced`: whoever drains sees either the request or its absence.
    state.in_flight.fetch_add(1);
    if (state.quiesced.load() == 0 && state.context->on_thread()) return state.start(request);
    state.enqueue(request);
    state.leave();
}

void BlockHandle::State::enqueue(DiskRequest& request) {
    {
        Locked lock(mutex);
        incoming.push(request);
    }
    if (quiesced.load() == 0) post();
}

void BlockHandle::State::post() {
    if (!posted.exchange(true)) context->tell(*this);
}

// On the loop's thread: what came from other threads, and what a drain wants let go.
void BlockHandle::State::intake() {
    in_flight.fetch_add(1);
    posted.store(false);
    if (quiesced.load() > 0) {
        if (throttle) throttle->release_all();
        if (root) root->let_all_go();
    } else {
        for (;;) {
            Request* request;
            {
                Locked lock(mutex);
                if (incoming.empty()) break;
                request = &incoming.pop();
            }
            in_flight.fetch_add(1);
            start(static_cast<DiskRequest&>(*request));
        }
    }
    leave();
}

void BlockHandle::State::start(DiskRequest& request) {
    request.started_ns = context->turn_ns();
    if (!root) return context->complete(request, -ENOMEDIUM);
    if (request.op != Op::Flush) {
        uint64_t end = size.load(std::memory_order_relaxed);
        if (request.offset > end || request.bytes > end - request.offset)
            return context->complete(request, -EIO);
        if (writes(request.op) && read_only.load(std::memory_order_relaxed))
            return context->complete(request, -EACCES);
    }
    if (throttle && !throttle->admit(request)) return;
    go(request);
}

void BlockHandle::State::go(DiskRequest& request) {
    if ((request.op == Op::Write || request.op == Op::WriteZeroes) &&
        !write_cache.load(std::memory_order_relaxed))
        request.flags |= kFua;
    root->submit(request);
}

// ---- the way up ----

OnError BlockHandle::State::judge_error(const DiskRequest& request) const {
    int number = -request.result;
    if (number == ENOMEDIUM || number == ECANCELED || number == EACCES) return OnError::Report;
    OnError policy = request.asked_op == Op::Read ? rerror : werror;
    if (policy == OnError::Enospc) return number == ENOSPC ? OnError::Stop : OnError::Report;
    return policy;
}

void BlockHandle::State::report(const DiskRequest& request, OnError action) {
    IoErrorReport report;
    report.device = id;
    report.qom_path = attached.qom_path;
    report.node_name = root ? root->name() : "";
    report.is_read = request.asked_op == Op::Read;
    report.action = action;
    report.no_space = request.result == -ENOSPC;
    report.reason = std::strerror(-request.result);
    graph.events().io_error(report);
}

void BlockHandle::State::finished(DiskRequest& request) {
    request.op = request.asked_op;
    request.flags = request.asked_flags;
    request.offset = request.asked_offset;
    if (request.result < 0) [[unlikely]] {
        int number = -request.result;
        OnError action = judge_error(request);
        if (action == OnError::Stop) {
            io_status.store(number == ENOSPC ? "nospace" : "failed");
            {
                Locked lock(mutex);
                parked.push(request);
            }
            report(request, action);
            return leave();
        }
        if (number != ENOMEDIUM && number != ECANCELED) report(request, action);
        if (action == OnError::Ignore) request.result = 0;
    }
    stats.count(request, std::max(request.started_ns, context->turn_ns()));
    request.complete(request);
    leave();
}

// The last touch: once it is counted out, whoever drains may end the handle.
void BlockHandle::State::leave() {
    IoContext& loop = *context;
    if (in_flight.fetch_sub(1) == 1) loop.progressed();
}

// ---- draining ----

void BlockHandle::State::quiesce() {
    quiesced.fetch_add(1);
    if (in_flight.load() != 0) post();
    context->wait_until([this] { return in_flight.load() == 0 && !posted.load(); });
}

void BlockHandle::State::unquiesce() {
    if (quiesced.fetch_sub(1) == 1 && has_incoming()) post();
}

bool BlockHandle::State::has_incoming() {
    Locked lock(mutex);
    return !incoming.empty();
}

void BlockHandle::drain() {
    state_->quiesce();
    state_->unquiesce();
}

void BlockHandle::hold() {
    state_->quiesce();
}

void BlockHandle::let_go() {
    state_->unquiesce();
}

void BlockHandle::root_changed() {
    State& state = *state_;
    CHECK(state.quiesced.load() > 0, "the root of drive '%s' changes under requests", state.id.c_str());
    uint64_t before = state.size.load();
    if (state.root && state.client != nullptr) state.root->bind(*state.context);
    state.medium_known();
    if (state.client != nullptr && state.size.load() != before) state.client->resized();
}

NodeRef& BlockHandle::root() {
    return state_->root;
}

void BlockHandle::cancel_parked() {
    State& state = *state_;
    Queue<Request> all;
    {
        Locked lock(state.mutex);
        std::swap(all, state.parked);
    }
    while (!all.empty()) {
        state.in_flight.fetch_add(1);
        state.context->complete(all.pop(), -ECANCELED);
    }
    state.io_status.store("ok");
}

bool BlockHandle::has_parked() const {
    Locked lock(state_->mutex);
    return !state_->parked.empty();
}

void BlockHandle::resume() {
    State& state = *state_;
    {
        Locked lock(state.mutex);
        state.incoming.take_all(state.parked);
    }
    state.io_status.store("ok");
    if (state.quiesced.load() == 0 && state.has_incoming()) state.post();
}

// ---- set-up, main thread ----

Permissions BlockHandle::State::permissions(const Node& node) const {
    Permissions mine;
    bool write = !node.read_only() && (client == nullptr || attached.writable);
    mine.used = static_cast<uint8_t>(kPermRead | (write ? kPermWrite : 0));
    if (client == nullptr) return mine;
    mine.shared =
        static_cast<uint8_t>(kPermRead | kPermWriteUnchanged | (attached.resizable ? kPermResize : 0) |
                             (attached.share_rw ? kPermWrite : 0));
    return mine;
}

// Back to the main loop, unless another device works on some of the same nodes.
void BlockHandle::State::go_home() {
    if (graph.may_bind(*handle, *root, graph.context())) root->bind(graph.context());
}

void BlockHandle::State::medium_known() {
    // Disks have whole sectors: the last one of an odd file reads as zeroes behind its end.
    size.store(root ? align_up(root->size(), kSectorSize) : 0);
    read_only.store(root ? root->read_only() : false);
}

Status BlockHandle::put_in(Node& node) {
    State& state = *state_;
    CHECK(!state.root, "drive '%s' has a medium already", state.id.c_str());
    std::string user = state.client != nullptr && !state.attached.device_id.empty()
                           ? "device '" + state.attached.device_id + "'"
                           : "block device '" + state.id + "'";
    TRY(state.graph.may_bind(*this, node, *state.context));
    NodeRef root = TRY(NodeRef::take(node, std::move(user), "root", state.permissions(node)));
    state.quiesce();
    if (state.client != nullptr) node.bind(*state.context);
    state.root = std::move(root);
    state.medium_known();
    state.unquiesce();
    return {};
}

void BlockHandle::take_out() {
    State& state = *state_;
    cancel_parked();
    state.quiesce();
    if (state.root) {
        // What the guest wrote to a medium that it can no longer flush.
        if (!state.root->read_only()) (void)static_cast<bool>(flush_sync(*state.root));
        state.go_home();
    }
    state.root.reset();
    state.medium_known();
    state.unquiesce();
}

Status BlockHandle::attach(DiskClient& client, const DiskAttachment& attachment) {
    State& state = *state_;
    if (state.client != nullptr)
        return Error::make("drive '%s' is in use by another device", state.id.c_str());
    if (!state.root && !attachment.removable) return Error::make("Device needs media, but drive is empty");
    IoContext& wanted = attachment.context != nullptr ? *attachment.context : state.graph.context();
    if (state.root) TRY(state.graph.may_bind(*this, *state.root, wanted));
    state.quiesce();
    state.client = &client;
    state.attached = attachment;
    Status allowed;
    if (state.root) allowed = state.root.set_permissions(state.permissions(*state.root));
    if (!allowed) {
        state.client = nullptr;
        state.unquiesce();
        return allowed;
    }
    auto choose = [](OnError asked, OnError drive, OnError fallback) {
        return asked != OnError::Auto ? asked : drive != OnError::Auto ? drive : fallback;
    };
    state.rerror = choose(attachment.rerror, state.default_rerror, OnError::Report);
    state.werror = choose(attachment.werror, state.default_werror, OnError::Enospc);
    state.write_cache.store(attachment.write_cache.value_or(state.default_write_cache));
    state.context = &wanted;
    if (state.root) state.root->bind(*state.context);
    if (state.throttle) state.throttle->rebind(*state.context);
    state.unquiesce();
    return {};
}

Status BlockHandle::move_to(IoContext& context) {
    State& state = *state_;
    if (state.context == &context) return {};
    if (state.root) TRY(state.graph.may_bind(*this, *state.root, context));
    state.quiesce();
    state.context = &context;
    if (state.root) state.root->bind(context);
    if (state.throttle) state.throttle->rebind(context);
    state.unquiesce();
    return {};
}

void BlockHandle::detach() {
    State& state = *state_;
    cancel_parked();
    state.quiesce();
    state.client = nullptr;
    state.attached = {};
    if (state.root) {
        state.go_home();
        Status more = state.root.set_permissions(state.permissions(*state.root));
        (void)more;  // shares more than the device did; what it cannot write it does not
    }
    state.context = &state.graph.context();
    if (state.throttle) state.throttle->rebind(*state.context);
    state.unquiesce();
}

Status BlockHandle::resize(uint64_t bytes) {
    State& state = *state_;
    if (!state.root)
        return Error::of_class(ErrorClass::DeviceNotFound, "Device '%s' has no medium", state.id.c_str());
    state.quiesce();
    Status done = state.root->truncate(bytes);
    state.medium_known();
    state.unquiesce();
    if (done && state.client != nullptr) state.client->resized();
    return done;
}

void BlockHandle::forget_id() {
    state_->quiesce();
    state_->id.clear();
    state_->unquiesce();
}

void BlockHandle::set_throttle(ThrottleGroup* group) {
    State& state = *state_;
    state.quiesce();
    state.throttle.reset();
    if (group != nullptr) state.throttle = std::make_unique<ThrottleMember>(*group, *state.context, state);
    state.unquiesce();
}

void BlockHandle::set_defaults(OnError rerror, OnError werror, bool write_cache) {
    state_->default_rerror = rerror;
    state_->default_werror = werror;
    state_->default_write_cache = write_cache;
    state_->write_cache.store(write_cache);
}

Status BlockHandle::read(uint64_t offset, std::span<uint8_t> into) {
    if (!loaded()) return Error::from_errno(ENOMEDIUM, "drive '%s'", id().c_str());
    return read_sync(*state_->root, offset, into);
}

Status BlockHandle::write(uint64_t offset, std::span<const uint8_t> from) {
    if (!loaded()) return Error::from_errno(ENOMEDIUM, "drive '%s'", id().c_str());
    return write_sync(*state_->root, offset, from, write_cache() ? 0 : kFua);
}

void BlockHandle::guest_moved_tray(bool open) {
    const State& state = *state_;
    const DiskAttachment& device = state.attached;
    state.graph.events().tray_moved(state.id, device.device_id.empty() ? device.qom_path : device.device_id,
                                    open);
}

// ---- plain answers ----

const std::string& BlockHandle::id() const {
    return state_->id;
}
Node* BlockHandle::node() const {
    return state_->root.get();
}
uint64_t BlockHandle::size() const {
    return state_->size.load(std::memory_order_relaxed);
}
bool BlockHandle::read_only() const {
    return state_->read_only.load(std::memory_order_relaxed);
}
NodeLimits BlockHandle::limits() const {
    return state_->root ? state_->root->limits() : NodeLimits();
}
NodeCapabilities BlockHandle::capabilities() const {
    return state_->root ? state_->root->capabilities() : NodeCapabilities();
}
IoContext& BlockHandle::context() const {
    return *state_->context;
}
void BlockHandle::set_write_cache(bool on) {
    state_->write_cache.store(on);
}
bool BlockHandle::write_cache() const {
    return state_->write_cache.load();
}
OnError BlockHandle::rerror() const {
    return state_->rerror;
}
OnError BlockHandle::werror() const {
    return state_->werror;
}
const DiskAttachment* BlockHandle::attachment() const {
    return state_->client != nullptr ? &state_->attached : nullptr;
}
DiskClient* BlockHandle::client() const {
    return state_->client;
}
const char* BlockHandle::io_status() const {
    return state_->io_status.load();
}
ThrottleGroup* BlockHandle::throttle() const {
    return state_->throttle ? &state_->throttle->group() : nullptr;
}
DiskStats BlockHandle::stats() const {
    return state_->stats.read();
}
void BlockHandle::count_invalid(Op op) {
    state_->stats.count_invalid(op);
}

}  // namespace vmm::block
