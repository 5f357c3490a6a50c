// LoopRequests: MachineRequests that hands every request to one handler on the main loop's thread, in the
// order asked. Requests that come faster than they are done are merged: a reset asked twice before it was
// done is done once; after a request that ends the process nothing else is done.
#pragma once

#include <optional>
#include <string>

#include "system/run/requests.h"
#include "util/event_loop.h"
#include "util/mutex.h"

namespace vmm {

// Does what was asked; called on the loop's thread with no lock held.
class RequestHandler {
  public:
    virtual ~RequestHandler() = default;
    virtual void do_reset(ShutdownCause cause) = 0;
    virtual void do_shutdown(ShutdownCause cause) = 0;
    // A death with its reason; without interest in it, as any other.
    virtual void do_panic(const PanicReport&) { do_shutdown(ShutdownCause::GuestPanic); }
    virtual void do_watchdog() = 0;
    virtual void do_crash_loaded() = 0;
    // To sleep in ACPI S3; no vCPU runs afterwards. And up again.
    virtual void do_sleep() {}
    virtual void do_wake() {}
    virtual void do_exit(int status) = 0;
    virtual void do_internal_error(const std::string& text) = 0;
};

class LoopRequests final : public MachineRequests {
  public:
    // The loop is borrowed. Without a handler requests wait until one is set.
    explicit LoopRequests(EventLoop& loop) : loop_(loop) {}
    // Main thread; null takes the handler away (teardown: what is asked later is dropped quietly).
    void set_handler(RequestHandler* handler);

    void request_reset(ShutdownCause cause) override;
    void request_shutdown(ShutdownCause cause) override;
    void report_panic(PanicReport report) override;
    void report_watchdog() override;
    void report_crash_loaded() override;
    void request_exit(int status) override;
    void report_internal_error(std::string text) override;
    void request_sleep() override;
    void request_wake() override;

  private:
    struct Pending {
        std::optional<ShutdownCause> reset;
        std::optional<ShutdownCause> shutdown;
        std::optional<int> exit;
        std::optional<std::string> error;
        std::optional<PanicReport> panic;
        bool watchdog = false;
        bool crash_loaded = false;
        bool sleep = false;
        bool wake = false;
        bool any() const {
            return reset || shutdown || exit || error || panic || watchdog || crash_loaded || sleep || wake;
        }
    };
    void note(const std::function<void(Pending&)>& change);
    void serve();

    EventLoop& loop_;
    Mutex mutex_{LockRank::Leaf, "machine requests"};
    Pending pending_ GUARDED_BY(mutex_);
    bool posted_ GUARDED_BY(mutex_) = false;
    RequestHandler* handler_ = nullptr;  // main thread
};

}  // namespace vmm
