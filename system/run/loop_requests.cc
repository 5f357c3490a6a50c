// Notes what was asked under a leaf lock and does it on the loop.
#include "system/run/loop_requests.h"

#include <utility>

namespace vmm {

void LoopRequests::note(const std::function<void(Pending&)>& change) {
    bool post;
    {
        Locked lock(mutex_);
        change(pending_);
        post = !std::exchange(posted_, true);
    }
    if (post) loop_.post_first([this] { serve(); });
}

void LoopRequests::set_handler(RequestHandler* handler) {
    handler_ = handler;
    bool post;
    {
        Locked lock(mutex_);
        if (handler == nullptr) pending_ = {};
        post = handler != nullptr && pending_.any() && !std::exchange(posted_, true);
    }
    if (post) loop_.post_first([this] { serve(); });
}

void LoopRequests::request_reset(ShutdownCause cause) {
    note([cause](Pending& pending) {
        if (!pending.reset) pending.reset = cause;
    });
}

void LoopRequests::request_shutdown(ShutdownCause cause) {
    note([cause](Pending& pending) {
        if (!pending.shutdown) pending.shutdown = cause;
    });
}

void LoopRequests::report_panic(PanicReport report) {
    note([&report](Pending& pending) {
        if (!pending.panic) pending.panic = std::move(report);
    });
}

void LoopRequests::report_watchdog() {
    note([](Pending& pending) { pending.watchdog = true; });
}

void LoopRequests::report_crash_loaded() {
    note([](Pending& pending) { pending.crash_loaded = true; });
}

void LoopRequests::request_exit(int status) {
    note([status](Pending& pending) {
        if (!pending.exit) pending.exit = status;
    });
}

void LoopRequests::report_internal_error(std::string text) {
    note([&text](Pending& pending) {
        if (!pending.error) pending.error = std::move(text);
    });
}

void LoopRequests::request_sleep() {
    set_must_wait(true);
    note([](Pending& pending) { pending.sleep = true; });
}

void LoopRequests::request_wake() {
    note([](Pending& pending) { pending.wake = true; });
}

void LoopRequests::serve() {
    Pending work;
    {
        Locked lock(mutex_);
        posted_ = false;
        if (handler_ == nullptr) return;
        std::swap(work, pending_);
    }
    if (work.crash_loaded) handler_->do_crash_loaded();
    if (work.sleep) {
        handler_->do_sleep();
        set_must_wait(false);
    }
    if (work.exit) return handler_->do_exit(*work.exit);
    if (work.error) return handler_->do_internal_error(*work.error);
    if (work.panic) return handler_->do_panic(*work.panic);
    if (work.shutdown) return handler_->do_shutdown(*work.shutdown);
    if (work.watchdog) handler_->do_watchdog();
    if (work.wake) handler_->do_wake();
    if (work.reset) handler_->do_reset(*work.reset);
}

}  // namespace vmm
