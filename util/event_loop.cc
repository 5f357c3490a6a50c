// Event loop; see event_loop.h. Timers are GLib sources with a ready time, which GLib keeps in microseconds.
#include "util/event_loop.h"

#include <glib-unix.h>
#include <time.h>

#include <atomic>
#include <memory>
#include <utility>

namespace vmm {

namespace {

int64_t clock_ns(clockid_t id) {
    timespec now = {};
    clock_gettime(id, &now);
    return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

struct FdCallback {
    std::function<void(unsigned)> ready;
};
struct PlainCallback {
    std::function<void()> call;
    GSource* source = nullptr;
};
// Work from another thread. GLib's own locks order its handing over before its call, but tools that do not
// look into GLib cannot know: so the call waits until the other thread has left GLib. Both own it until then.
struct PostedCallback {
    explicit PostedCallback(std::function<void()> work) : call(std::move(work)) {}
    std::function<void()> call;
    std::atomic<bool> handed_over{false};
    std::atomic<unsigned> owners{2};
};

unsigned from_glib(GIOCondition condition) {
    unsigned out = 0;
    if ((condition & G_IO_IN) != 0) out |= FdWatch::kIn;
    if ((condition & G_IO_OUT) != 0) out |= FdWatch::kOut;
    if ((condition & (G_IO_HUP | G_IO_ERR | G_IO_NVAL)) != 0) out |= FdWatch::kHangup;
    return out;
}

gboolean fd_ready(gint, GIOCondition condition, gpointer data) {
    // The callback may end its own watch; GLib keeps the data alive until the dispatch is over.
    static_cast<FdCallback*>(data)->ready(from_glib(condition));
    return G_SOURCE_CONTINUE;
}

template <typename T>
void destroy(gpointer data) {
    std::unique_ptr<T>(static_cast<T*>(data)).reset();
}

gboolean timer_dispatch(GSource* source, GSourceFunc callback, gpointer data) {
    g_source_set_ready_time(source, -1);
    return callback(data);
}

gboolean plain_call(gpointer data) {
    static_cast<PlainCallback*>(data)->call();
    return G_SOURCE_CONTINUE;
}

gboolean call_once(gpointer data) {
    auto* posted = static_cast<PostedCallback*>(data);
    posted->handed_over.wait(false, std::memory_order_acquire);
    posted->call();
    return G_SOURCE_REMOVE;
}

void give_up(PostedCallback* posted) {
    if (posted->owners.fetch_sub(1, std::memory_order_acq_rel) == 1) destroy<PostedCallback>(posted);
}

// What the work holds ends with the loop's thread, whoever gives up last.
void posted_is_over(gpointer data) {
    auto* posted = static_cast<PostedCallback*>(data);
    posted->call = nullptr;
    give_up(posted);
}

GSourceFuncs timer_functions = {nullptr, nullptr, timer_dispatch, nullptr, nullptr, nullptr};

}  // namespace

int64_t monotonic_ns() {
    return clock_ns(CLOCK_MONOTONIC);
}
int64_t realtime_ns() {
    return clock_ns(CLOCK_REALTIME);
}

EventLoop::EventLoop()
    : context_(g_main_context_new()),
      loop_(g_main_loop_new(context_.get(), FALSE)),
      spinner_(context_.get()) {}
EventLoop::~EventLoop() = default;

void EventLoop::run() {
    LoopSpinner::Running here(spinner_);
    g_main_loop_run(loop_.get());
}

void EventLoop::quit() {
    g_main_loop_quit(loop_.get());
}

bool EventLoop::iterate(bool wait) {
    LoopSpinner::Running here(spinner_);
    return g_main_context_iteration(context_.get(), wait ? TRUE : FALSE) != FALSE;
}

void EventLoop::post(std::function<void()> work) {
    post_at(G_PRIORITY_DEFAULT, std::move(work));
}

void EventLoop::post_first(std::function<void()> work) {
    post_at(G_PRIORITY_HIGH, std::move(work));
}

void EventLoop::post_at(int priority, std::function<void()> work) {
    GPtr<GSource, g_source_unref> source(g_idle_source_new());
    g_source_set_priority(source.get(), priority);
    PostedCallback* posted = std::make_unique<PostedCallback>(std::move(work)).release();
    g_source_set_callback(source.get(), call_once, posted, posted_is_over);
    g_source_attach(source.get(), context_.get());
    posted->handed_over.store(true, std::memory_order_release);
    posted->handed_over.notify_one();
    give_up(posted);
}

bool EventLoop::on_loop_thread() const {
    return g_main_context_is_owner(context_.get()) != FALSE;
}

LoopSource& LoopSource::operator=(LoopSource&& other) noexcept {
    if (this != &other) {
        end();
        source_ = std::move(other.source_);
    }
    return *this;
}

void LoopSource::end() {
    if (source_) g_source_destroy(source_.get());
    source_.reset();
}

FdWatch::FdWatch(EventLoop& loop, int fd, unsigned conditions, std::function<void(unsigned)> ready) {
    unsigned wanted = G_IO_ERR | G_IO_HUP;
    if ((conditions & kIn) != 0) wanted |= G_IO_IN;
    if ((conditions & kOut) != 0) wanted |= G_IO_OUT;
    source_ = LoopSource(g_unix_fd_source_new(fd, static_cast<GIOCondition>(wanted)));
    auto data = std::make_unique<FdCallback>(FdCallback{std::move(ready)});
    // g_source_set_callback takes the one signature and the source knows the other; GLib documents this cast.
    auto callback = reinterpret_cast<GSourceFunc>(reinterpret_cast<void (*)()>(fd_ready));
    g_source_set_callback(source_.get(), callback, data.release(), destroy<FdCallback>);
    // A callback runs no loop of its own; without the right to, GLib would take the descriptor out of the
    // poll set and put it back around each call, and wake itself up for either.
    g_source_set_can_recurse(source_.get(), TRUE);
    g_source_attach(source_.get(), loop.context());
}

LoopTimer::LoopTimer(EventLoop& loop, std::function<void()> fired)
    : source_(g_source_new(&timer_functions, sizeof(GSource))) {
    auto data = std::make_unique<PlainCallback>(PlainCallback{std::move(fired)});
    g_source_set_callback(source_.get(), plain_call, data.release(), destroy<PlainCallback>);
    g_source_attach(source_.get(), loop.context());
}

void LoopTimer::arm_at(int64_t monotonic) {
    // Rounded up: never early.
    g_source_set_ready_time(source_.get(), monotonic <= 0 ? 0 : (monotonic + 999) / 1000);
}

void LoopTimer::disarm() {
    g_source_set_ready_time(source_.get(), -1);
}

}  // namespace vmm
