// A disk device's drive; see handle.h. A request's way: submit() on any thread, start() on the loop's (range,
// medium, throttling), the root node, finished() (error policy, counters), the device.
#include <cerrno>
#include <cstring>

#include "backends/block/handle_state_priv.h"

namespace vmm::block {

namespace {

bool writes(Op op) {
    return op == Op::Write || op == Op::WriteZeroes || op == Op::Discard;
}
}  // namespace

std::unique_ptr<BlockHandle> BlockHandle::create(BlockGraph& graph, std::string id) {
    auto state = std::make_unique<State>(graph, std::move(id));
    State& inner = *state;
    inner.done = [](Job& job) { static_cast<State&>(job).intake(); };
    inner.take = [](Timing& timing, uint64_t now_ns) { static_cast<State&>(timing).timed(now_ns); };
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
    stats.count(request);
    request.complete(request);
    // The first of them is counted out when all have their time.
    if (waits) return leave();
    context->time_soon(*this);
}

void BlockHandle::State::timed(uint64_t now_ns) {
    stats.take_time(now_ns);
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
