// RunPolicy: what the process does when the machine is asked to stop, reset, shut down or end, by the guest
// or by the host, and what it tells the monitors about it. The commands of the monitor that concern the whole
// machine end here too. Main thread.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "qapi/event_sink.h"
#include "system/control/qmp/machine_control.h"
#include "system/run/loop_requests.h"
#include "system/run/run_control.h"
#include "util/event_loop.h"

namespace vmm {

// What of the board the policy needs; absent things are refused to whoever asks for them.
struct MachineHandles {
    RunControl* run = nullptr;
    std::function<void()> press_power_button;
    std::function<Status()> inject_nmi;
    std::function<void()> prepare_wake;  // empty: the machine does not sleep
};

class RunPolicy final : public RequestHandler, public MachineControl, private RunListener {
  public:
    // All outlive the policy.
    RunPolicy(EventLoop& loop, LoopRequests& requests, qapi::EventSink& events, Actions actions);
    ~RunPolicy() override;

    // From here on there is a machine, until machine_gone().
    void machine_made(MachineHandles machine);
    void machine_gone();
    // Somebody may look at a machine that stopped by itself.
    void set_monitored(bool monitored) { monitored_ = monitored; }
    // -preconfig: the machine is made when the monitor says so; null otherwise.
    void set_preconfig(std::function<Status()> leave) { leave_preconfig_ = std::move(leave); }
    bool preconfig() const { return leave_preconfig_ != nullptr; }
    // Somebody asked for the end before the loop ran, or while it did.
    bool ending() const { return ending_; }
    int exit_status() const { return exit_status_; }

    // The guest is not to run meanwhile; `why` is what whoever starts it is told.
    void hold(std::string why) { held_ = std::move(why); }
    void let_go() { held_.clear(); }

    // A drive that stops the machine when it fails.
    void io_error() { stop_for(RunState::IoError); }

    // RequestHandler
    void do_reset(ShutdownCause cause) override;
    void do_shutdown(ShutdownCause cause) override;
    void do_panic(const PanicReport& report) override;
    void do_watchdog() override;
    void do_crash_loaded() override;
    void do_sleep() override;
    void do_wake() override;
    void do_exit(int status) override;
    void do_internal_error(const std::string& text) override;

    // MachineControl
    RunState state() const override;
    Actions& actions() override { return actions_; }
    Status start() override;
    void stop() override;
    void reset() override { requests_.request_reset(ShutdownCause::HostQmpSystemReset); }
    void quit() override { requests_.request_shutdown(ShutdownCause::HostQmpQuit); }
    Status press_power_button() override;
    Status wake_up() override;
    bool can_wake_up() const override { return machine_.prepare_wake != nullptr; }
    Status inject_nmi() override;
    Status leave_preconfig() override;

  private:
    void run_changed(bool running, RunState state) override;
    void panicked(const PanicReport* report);
    void stop_for(RunState why);
    void reset_now(ShutdownCause cause);
    void end(int status);
    Status need_machine() const;

    EventLoop& loop_;
    LoopRequests& requests_;
    qapi::EventSink& events_;
    Actions actions_;
    MachineHandles machine_;
    std::function<Status()> leave_preconfig_;
    std::string held_;
    std::optional<ShutdownCause> reset_when_started_;
    bool monitored_ = false;
    bool told_running_ = false;  // RESUME without a STOP since
    bool ending_ = false;
    int exit_status_ = 0;
};

}  // namespace vmm
