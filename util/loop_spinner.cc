// Looking before sleeping; see loop_spinner.h. GLib lets a context have a poll function of its own, which is
// where the looking happens: all sources have been asked by then, and none has anything to do.
#include "util/loop_spinner.h"

#include <sched.h>

#include <algorithm>
#include <utility>

#include "util/event_loop.h"

namespace vmm {

namespace {

constexpr uint64_t kFirstWindowNs = 4000;
// Descriptors are looked at again after this long, however much there is to do.
constexpr int64_t kSliceNs = 100'000;
// A question to the clock costs as much as a few looks, or a part of a turn.
constexpr unsigned kLooksATime = 4, kTurnsATime = 16;
constexpr unsigned kMostInVain = 8;
// What telling costs at most: the guest's exit, the kernel's signal, the thread's wake-up. Work that is only
// looked for comes that much sooner; whether it does is tried out.
constexpr uint64_t kTellingNs = 100'000;
constexpr unsigned kRestMisses = 1000;
// A client's way from one answer to its next request: it wakes up, reads, writes.
constexpr SpinWindow::Config kConversation = {.max_ns = 50'000, .grow = 2, .shrink = 2};

}  // namespace

// ---- how long ----

void SpinWindow::shrink() {
    ns_ = config_.shrink == 0 ? 0 : ns_ / config_.shrink;
    if (ns_ < kFirstWindowNs / 2) ns_ = 0;
}

void SpinWindow::vain() {
    shrink();
    if (++vain_ < kMostInVain) return;
    vain_ = 0;
    ns_ = 0;
    rest_ = kRestMisses;
}

void SpinWindow::missed(int64_t after_ns) {
    if (config_.max_ns == 0) return;
    if (rest_ != 0) {
        --rest_;
        return;
    }
    const bool had_window = ns_ != 0;
    if (static_cast<uint64_t>(after_ns) > config_.max_ns + kTellingNs)
        shrink();
    else if (ns_ == 0)
        ns_ = std::min(kFirstWindowNs, config_.max_ns);
    else
        ns_ = std::min(ns_ * (config_.grow == 0 ? 2 : config_.grow), config_.max_ns);
    if (had_window && ++vain_ >= kMostInVain) vain();
}

// ---- the loop's part ----

struct LoopSpinner::Source {
    GSource base;
    LoopSpinner* spinner;

    static LoopSpinner& of(GSource* source) {
        return *static_cast<Source*>(static_cast<void*>(source))->spinner;
    }
    static gboolean prepare(GSource* source, gint* timeout) {
        *timeout = -1;
        return of(source).found_ ? TRUE : FALSE;
    }
    static gboolean check(GSource* source) { return of(source).found_ ? TRUE : FALSE; }
    static gboolean dispatch(GSource* source, GSourceFunc, gpointer) {
        of(source).turn();
        return G_SOURCE_CONTINUE;
    }
};

thread_local LoopSpinner* LoopSpinner::running_ = nullptr;

LoopSpinner::Running::Running(LoopSpinner& spinner) : before_(running_) {
    running_ = &spinner;
}
LoopSpinner::Running::~Running() {
    running_ = before_;
}

LoopSpinner::LoopSpinner(GMainContext* context) : window_({}), conversation_(kConversation) {
    static GSourceFuncs functions = {Source::prepare, Source::check, Source::dispatch,
                                     nullptr,         nullptr,       nullptr};
    source_ = g_source_new(&functions, sizeof(Source));
    static_cast<Source*>(static_cast<void*>(source_))->spinner = this;
    g_source_set_can_recurse(source_, TRUE);
    (void)g_source_attach(source_, context);
    g_main_context_set_poll_func(context, poll_descriptors);
}

LoopSpinner::~LoopSpinner() {
    g_source_destroy(source_);
    g_source_unref(source_);
}

void LoopSpinner::configure(const SpinWindow::Config& config) {
    window_ = SpinWindow(config);
}

void LoopSpinner::look_at(Polled& one) {
    if (one.looked_at_) return;
    one.looked_at_ = true;
    active_.push_back(&one);
}

void LoopSpinner::forget(Polled& one) {
    if (!one.looked_at_) return;
    one.looked_at_ = false;
    std::erase(active_, &one);
}

// Where there is one processor, whoever makes the work waits for the looking to end.
bool LoopSpinner::alone_on_its_processor() {
    if (!processors_known_) {
        cpu_set_t mine;
        alone_ = ::sched_getaffinity(0, sizeof mine, &mine) == 0 && CPU_COUNT(&mine) < 2;
        processors_known_ = true;
    }
    return alone_;
}

void LoopSpinner::told() {
    if (!slept_ || was_told_ || alone_on_its_processor()) return;
    was_told_ = true;
    window_.missed(woke_after_ns_);
}

int LoopSpinner::poll_descriptors(GPollFD* descriptors, unsigned count, int timeout_ms) {
    if (running_ == nullptr || timeout_ms == 0) {
        if (running_ != nullptr) running_->slept_ = false;
        return g_poll(descriptors, count, timeout_ms);
    }
    return running_->wait(descriptors, count, timeout_ms);
}

int LoopSpinner::wait(GPollFD* descriptors, unsigned count, int timeout_ms) {
    if (slept_ && spun_before_ && !was_told_) window_.vain();
    slept_ = false;
    const int64_t start = monotonic_ns();
    spun_before_ = !active_.empty() && spins();
    if (!active_.empty() && ((!spun_out_ && spin() != nullptr) || rest_all())) {
        found_ = true;
        return g_poll(descriptors, count, 0);
    }
    spun_out_ = false;
    if (answered_) {
        const int found = spin_for_request(descriptors, count);
        if (found != 0) return found;
    }
    const int ready = g_poll(descriptors, count, timeout_ms);
    woke_after_ns_ = monotonic_ns() - start;
    slept_ = true;
    was_told_ = false;
    return ready;
}

Polled* LoopSpinner::look_around(unsigned times) {
    for (unsigned looks = 0; looks < times; ++looks) {
        for (Polled* one : active_) {
            if (!one->look()) continue;
            window_.hit();
            return one;
        }
        __builtin_ia32_pause();
    }
    return nullptr;
}

// What comes at once costs no question to the clock.
Polled* LoopSpinner::spin() {
    if (Polled* one = look_around(spins() ? kLooksATime : 1)) return one;
    if (!spins()) return nullptr;
    const int64_t end = monotonic_ns() + static_cast<int64_t>(window_.ns());
    do {
        if (Polled* one = look_around(kLooksATime)) return one;
    } while (monotonic_ns() < end);
    return nullptr;
}

// At most 50 microseconds, whatever else has a deadline.
int LoopSpinner::spin_for_request(GPollFD* descriptors, unsigned count) {
    answered_ = false;
    waiting_since_ns_ = monotonic_ns();
    if (conversation_.ns() == 0 || alone_on_its_processor()) return 0;
    const int64_t end = waiting_since_ns_ + static_cast<int64_t>(conversation_.ns());
    do {
        const int ready = g_poll(descriptors, count, 0);
        if (ready != 0) return ready;
    } while (monotonic_ns() < end);
    return 0;
}

void LoopSpinner::asked() {
    const int64_t since = std::exchange(waiting_since_ns_, 0);
    if (since == 0) return;
    const int64_t after = monotonic_ns() - since;
    if (static_cast<uint64_t>(after) <= conversation_.ns())
        conversation_.hit();
    else
        conversation_.missed(after);
}

bool LoopSpinner::rest_all() {
    bool came = false;
    for (size_t i = 0; i < active_.size();) {
        Polled& one = *active_[i];
        if (one.rest()) {
            came = true;
            ++i;
        } else {
            forget(one);
        }
    }
    return came;
}

// Who asks to be looked at again comes behind the others.
void LoopSpinner::act(Polled& one) {
    forget(one);
    one.act();
}

void LoopSpinner::act_on_ready() {
    size_t left = active_.size();
    for (size_t i = 0; left > 0 && i < active_.size(); --left) {
        if (active_[i]->look())
            act(*active_[i]);
        else
            ++i;
    }
}

void LoopSpinner::turn() {
    found_ = false;
    const int64_t end = monotonic_ns() + kSliceNs;
    unsigned turns = 0;
    act_on_ready();
    do {
        if (active_.empty()) return;
        Polled* one = spin();
        if (one == nullptr) {
            spun_out_ = true;
            return;
        }
        act(*one);
    } while (++turns % kTurnsATime != 0 || monotonic_ns() < end);
}

}  // namespace vmm
