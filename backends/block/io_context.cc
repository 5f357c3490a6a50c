// An event loop's block I/O; see io_context.h. It is one GLib source: prepare hands the ring's queue to the
// kernel before the loop sleeps, dispatch calls what is done.
#include "backends/block/io_context.h"

#include <glib-unix.h>
#include <poll.h>

#include <algorithm>
#include <atomic>
#include <set>

#include "backends/block/queue.h"
#include "backends/block/uring.h"
#include "backends/block/worker_pool.h"
#include "util/eventfd.h"
#include "util/mutex.h"

namespace vmm::block {

namespace {

// The calling thread's identity, cheaply.
const void* this_thread() {
    thread_local const char mark = 0;
    return &mark;
}

struct Source {
    GSource base;
    IoContext* context;
};

constexpr unsigned kRingEntries = 256;
constexpr unsigned kRoundsATurn = 8;
// Until the kernel is asked again to take what it had no memory for.
constexpr int kRetryMs = 1;

}  // namespace

struct IoContext::State final : Polled {
    State(EventLoop& l, EventFd wake) : loop(l), wake_fd(std::move(wake)) {}
    ~State() override { loop.spinner().forget(*this); }

    EventLoop& loop;
    EventFd wake_fd;          // for poll(); the loop has its own
    bool ring_wanted = true;  // and not yet tried
    RingEnter ring_enter = nullptr;
    std::unique_ptr<Uring> ring;
    LoopSource source;
    std::atomic<const void*> thread{nullptr};
    std::atomic<bool> sleeping{false};  // in poll()

    // Loop thread.
    Queue<Request> requests;
    Queue<Job> jobs;
    uint64_t turn_ns = 0;  // 0: not asked yet
    Queue<Timing> untimed;
    std::set<std::pair<int64_t, IoTimer*>> timers;

    Mutex mutex{LockRank::Leaf, "block completions"};
    Queue<Request> remote_requests GUARDED_BY(mutex);
    Queue<Job> remote_jobs GUARDED_BY(mutex);
    std::atomic<bool> remote{false};  // one of the two is not empty
    Mutex wait_mutex{LockRank::Leaf, "block drain"};
    Condition progress;
    std::atomic<unsigned> waiters{0};

    std::unique_ptr<WorkerPool> pool;  // last: its end calls back

    bool here() const { return thread.load(std::memory_order_relaxed) == this_thread(); }
    bool ready() const {
        return !requests.empty() || !jobs.empty() || remote.load() || (ring && ring->has_done()) ||
               !untimed.empty() || (!timers.empty() && timers.begin()->first <= monotonic_ns());
    }
    // What is queued was refused: no completion need come to wake us.
    bool waits_for_kernel() const { return ring && ring->has_queued(); }
    void take_remote() {
        if (!remote.load()) return;
        Locked lock(mutex);
        requests.take_all(remote_requests);
        jobs.take_all(remote_jobs);
        remote.store(false);
    }
    void rouse() {
        g_main_context_wakeup(loop.context());
        if (sleeping.load()) wake_fd.signal();
    }
    void finished(Job& job) {
        if (job.done == nullptr) return;
        {
            Locked lock(mutex);
            remote_jobs.push(job);
            remote.store(true);
        }
        rouse();
    }
    bool prepare() {
        thread.store(this_thread(), std::memory_order_relaxed);
        turn_ns = 0;
        if (ring && ring->has_queued()) ring->submit();
        if (ready()) return true;
        if (ring && ring->in_flight() != 0 && loop.spinner().spins()) loop.spinner().look_at(*this);
        return false;
    }
    // What completes at once (a cached read) is done without a turn of the loop, but not for ever.
    void turn() {
        for (unsigned round = 0; round < kRoundsATurn; ++round) {
            (void)run_ready();
            if (!prepare()) break;
        }
        set_deadline();
    }
    // Polled
    bool look() override {
        if (ring && ring->has_queued()) ring->submit();
        return ready();
    }
    void act() override { turn(); }
    bool rest() override { return false; }  // the ring has a descriptor
    void set_deadline() {
        // Rounded up to GLib's microseconds: never early.
        gint64 at = timers.empty() ? -1 : (timers.begin()->first + 999) / 1000;
        g_source_set_ready_time(source.get(), at);
    }
    bool run_timers() {
        bool any = false;
        int64_t now = timers.empty() ? 0 : monotonic_ns();
        while (!timers.empty() && timers.begin()->first <= now) {
            IoTimer& timer = *timers.begin()->second;
            timers.erase(timers.begin());
            timer.armed = false;
            any = true;
            timer.fired(timer);
        }
        if (any) set_deadline();
        return any;
    }
    void take_times(uint64_t now) {
        while (!untimed.empty()) {
            Timing& one = untimed.pop();
            one.waits = false;
            one.take(one, now);
        }
    }
    bool take_times() {
        if (untimed.empty()) return false;
        take_times(static_cast<uint64_t>(monotonic_ns()));
        return true;
    }
    bool run_ready() {
        bool any = call_ready();
        any |= take_times();
        return any;
    }
    // One at a time from the member lists: a callback may drain, and then does the rest itself.
    bool call_ready() {
        turn_ns = 0;
        bool any = ring && ring->reap() > 0;
        take_remote();
        for (size_t left = jobs.count(); left > 0 && !jobs.empty(); --left) {
            Job& job = jobs.pop();
            job.done(job);
            any = true;
        }
        for (size_t left = requests.count(); left > 0 && !requests.empty(); --left) {
            Request& request = requests.pop();
            request.done(request);
            any = true;
        }
        any |= run_timers();
        turn_ns = 0;
        return any;
    }
    void sleep() {
        pollfd watched[2] = {{wake_fd.fd(), POLLIN, 0}, {ring ? ring->fd() : -1, POLLIN, 0}};
        timespec limit = {};
        if (!timers.empty()) {
            int64_t left = std::max<int64_t>(0, timers.begin()->first - monotonic_ns());
            limit = {left / 1'000'000'000, left % 1'000'000'000};
        }
        const bool retry = waits_for_kernel();
        constexpr int64_t kRetryNs = kRetryMs * 1'000'000;
        if (retry && (timers.empty() || limit.tv_sec > 0 || limit.tv_nsec > kRetryNs)) limit = {0, kRetryNs};
        sleeping.store(true);
        if (!ready()) (void)::ppoll(watched, 2, timers.empty() && !retry ? nullptr : &limit, nullptr);
        sleeping.store(false);
        (void)wake_fd.take();
    }
};

namespace {

IoContext& context_of(GSource* source) {
    return *static_cast<Source*>(static_cast<void*>(source))->context;
}

}  // namespace

// GLib's side of the source; a struct so that it may see State.
struct IoContextSource {
    static gboolean prepare(GSource* source, gint* timeout) {
        const bool ready = context_of(source).turn_begins();
        *timeout = context_of(source).waits_for_kernel() ? kRetryMs : -1;
        return ready ? TRUE : FALSE;
    }
    static gboolean check(GSource* source) { return context_of(source).turn_ready() ? TRUE : FALSE; }
    static gboolean dispatch(GSource* source, GSourceFunc, gpointer) {
        context_of(source).turn();
        return G_SOURCE_CONTINUE;
    }
};

namespace {
GSourceFuncs source_functions = {
    IoContextSource::prepare, IoContextSource::check, IoContextSource::dispatch, nullptr, nullptr, nullptr};
}

bool IoContext::turn_begins() {
    return state_->prepare();
}
bool IoContext::waits_for_kernel() const {
    return state_->waits_for_kernel();
}
bool IoContext::turn_ready() {
    return state_->ready();
}
void IoContext::turn() {
    if (state_->ring && state_->ring->has_done()) state_->loop.spinner().told();
    state_->turn();
}

Result<std::unique_ptr<IoContext>> IoContext::create(EventLoop& loop, const Config& config) {
    EventFd wake = TRY(EventFd::create());
    auto context = std::make_unique<IoContext>(Token(), std::make_unique<State>(loop, std::move(wake)));
    State& state = *context->state_;
    state.ring_wanted = config.use_uring;
    state.ring_enter = config.ring_enter;
    state.pool =
        std::make_unique<WorkerPool>(config.max_workers, [&state](Job& job) { state.finished(job); });
    GSource* source = g_source_new(&source_functions, sizeof(Source));
    static_cast<Source*>(static_cast<void*>(source))->context = context.get();
    state.source = LoopSource(source);
    g_source_set_can_recurse(source, TRUE);  // as FdWatch
    (void)g_source_attach(source, loop.context());
    return context;
}

IoContext::IoContext(Token, std::unique_ptr<State> state) : state_(std::move(state)) {}
IoContext::~IoContext() = default;

EventLoop& IoContext::loop() {
    return state_->loop;
}

bool IoContext::on_thread() const {
    return state_->here();
}

bool IoContext::runs_elsewhere() const {
    return state_->thread.load(std::memory_order_relaxed) != nullptr && !state_->here();
}

void IoContext::run(Job& job) {
    state_->pool->run(job);
}

void IoContext::tell(Job& job) {
    if (state_->here()) return state_->jobs.push(job);
    {
        Locked lock(state_->mutex);
        state_->remote_jobs.push(job);
        state_->remote.store(true);
    }
    state_->rouse();
}

void IoContext::complete(Request& request, int result) {
    request.result = result;
    if (state_->here()) return state_->requests.push(request);
    {
        Locked lock(state_->mutex);
        state_->remote_requests.push(request);
        state_->remote.store(true);
    }
    state_->rouse();
}

void IoContext::wake() {
    state_->rouse();
}

uint64_t IoContext::turn_ns() {
    if (state_->turn_ns == 0) {
        state_->turn_ns = static_cast<uint64_t>(monotonic_ns());
        state_->take_times(state_->turn_ns);
    }
    return state_->turn_ns;
}

void IoContext::time_soon(Timing& timing) {
    if (std::exchange(timing.waits, true)) return;
    state_->untimed.push(timing);
}

void IoContext::take_times() {
    (void)state_->take_times();
}

void IoContext::arm(IoTimer& timer, int64_t at_ns) {
    if (timer.armed) state_->timers.erase({timer.at_ns, &timer});
    timer.at_ns = at_ns;
    timer.armed = true;
    state_->timers.emplace(at_ns, &timer);
    state_->set_deadline();
}

void IoContext::cancel(IoTimer& timer) {
    if (!timer.armed) return;
    state_->timers.erase({timer.at_ns, &timer});
    timer.armed = false;
    state_->set_deadline();
}

bool IoContext::poll(bool wait) {
    if (state_->prepare() && state_->run_ready()) return true;
    if (!wait) return false;
    state_->sleep();
    return state_->prepare() && state_->run_ready();
}

bool IoContext::reap() {
    return state_->call_ready();
}

void IoContext::wait_until(const std::function<bool()>& condition) {
    check_no_locks_held("waiting for block requests");
    if (!runs_elsewhere()) {
        while (!condition())
            (void)poll(true);
        return;
    }
    // Said before the first look, as progressed() looks after the change: one of the two sees the other.
    state_->waiters.fetch_add(1);
    {
        Locked lock(state_->wait_mutex);
        while (!condition())
            state_->progress.wait(state_->wait_mutex);
    }
    state_->waiters.fetch_sub(1);
}

void IoContext::progressed() {
    if (state_->waiters.load() == 0) return;
    Locked lock(state_->wait_mutex);
    state_->progress.notify_all();
}

Uring* IoContext::uring() {
    if (state_->ring_wanted) {
        state_->ring_wanted = false;
        auto ring = Uring::create(kRingEntries, state_->ring_enter);
        if (ring) {  // else: the workers do it
            state_->ring = std::move(ring).take_value();
            (void)g_source_add_unix_fd(state_->source.get(), state_->ring->fd(), G_IO_IN);
        }
    }
    return state_->ring.get();
}

void IoContext::set_max_workers(unsigned max_workers) {
    state_->pool->set_max_threads(max_workers);
}

}  // namespace vmm::block
