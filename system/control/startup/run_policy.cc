// Actions and events of the whole machine; see run_policy.h.
#include "system/control/startup/run_policy.h"

#include <cstdlib>
#include <utility>

#include "qapi/commands_run_state.h"
#include "util/log.h"

namespace vmm {

namespace {

// The schema's enumeration has "none" first, then ours in the same order.
qapi::ShutdownCause reason_of(ShutdownCause cause) {
    static_assert(static_cast<int>(qapi::ShutdownCause::SubsystemReset) ==
                  static_cast<int>(ShutdownCause::SubsystemReset) + 1);
    return static_cast<qapi::ShutdownCause>(static_cast<int>(cause) + 1);
}

bool is_guests(ShutdownCause cause) {
    return cause == ShutdownCause::GuestShutdown || cause == ShutdownCause::GuestReset ||
           cause == ShutdownCause::GuestPanic;
}

bool ends_the_process(ShutdownCause cause) {
    return cause == ShutdownCause::HostSignal || cause == ShutdownCause::HostQmpQuit ||
           cause == ShutdownCause::HostUi;
}

}  // namespace

RunPolicy::RunPolicy(EventLoop& loop, LoopRequests& requests, qapi::EventSink& events, Actions actions)
    : loop_(loop), requests_(requests), events_(events), actions_(actions) {
    requests_.set_handler(this);
}

RunPolicy::~RunPolicy() {
    requests_.set_handler(nullptr);
    machine_gone();
}

void RunPolicy::machine_made(MachineHandles machine) {
    machine_ = std::move(machine);
    machine_.run->add_listener(*this);
}

void RunPolicy::machine_gone() {
    if (machine_.run != nullptr) machine_.run->remove_listener(*this);
    machine_ = {};
}

void RunPolicy::end(int status) {
    ending_ = true;
    exit_status_ = status;
    loop_.quit();
}

void RunPolicy::stop_for(RunState why) {
    if (machine_.run != nullptr) machine_.run->stop(why);
}

void RunPolicy::do_reset(ShutdownCause cause) {
    if (actions_.reboot == qapi::RebootAction::Shutdown && cause != ShutdownCause::SubsystemReset)
        return do_shutdown(cause);
    if (machine_.run == nullptr) return;
    // Asked for just before somebody stopped the guest, who wants to see it as it is: done when it goes on.
    if (is_guests(cause) && state() == RunState::Paused) {
        reset_when_started_ = cause;
        return;
    }
    reset_now(cause);
}

void RunPolicy::reset_now(ShutdownCause cause) {
    reset_when_started_.reset();
    Status done = machine_.run->reset();
    if (!done) return do_internal_error("reset: " + done.error().message());
    qapi::emit<qapi::ResetEvent>(events_, {.guest = is_guests(cause), .reason = reason_of(cause)});
}

void RunPolicy::do_shutdown(ShutdownCause cause) {
    if (cause == ShutdownCause::GuestPanic) return panicked(nullptr);
    qapi::emit<qapi::ShutdownEvent>(events_, {.guest = is_guests(cause), .reason = reason_of(cause)});
    stop_for(RunState::Shutdown);
    if (actions_.shutdown == qapi::ShutdownAction::Pause && !ends_the_process(cause)) return;
    end(exit_status_);
}

std::optional<qapi::GuestPanicInformation> information_of(const PanicReport* report) {
    if (report == nullptr) return std::nullopt;
    return qapi::GuestPanicInformation{
        .type = qapi::GuestPanicInformationType::Tdx,
        .u = qapi::GuestPanicInformationTdx{
            .error_code = report->code, .message = report->message, .gpa = report->gpa}};
}

void RunPolicy::do_panic(const PanicReport& report) {
    panicked(&report);
}

// What a guest's death does: the panic action, or, when a shutdown only pauses, that.
void RunPolicy::panicked(const PanicReport* report) {
    using Action = qapi::PanicAction;
    const bool pause = actions_.panic == Action::Pause || (actions_.panic == Action::Shutdown &&
                                                           actions_.shutdown == qapi::ShutdownAction::Pause);
    if (actions_.panic == Action::None)
        return qapi::emit<qapi::GuestPanickedEvent>(
            events_, {.action = qapi::GuestPanicAction::Run, .info = information_of(report)});
    qapi::emit<qapi::GuestPanickedEvent>(
        events_, {.action = pause ? qapi::GuestPanicAction::Pause : qapi::GuestPanicAction::Poweroff,
                  .info = information_of(report)});
    stop_for(RunState::GuestPanicked);
    if (pause) return;
    qapi::emit<qapi::ShutdownEvent>(events_, {.guest = true, .reason = qapi::ShutdownCause::GuestPanic});
    end(actions_.panic == Action::ExitFailure ? EXIT_FAILURE : exit_status_);
}

void RunPolicy::do_crash_loaded() {
    qapi::emit<qapi::GuestCrashloadedEvent>(events_, {.action = qapi::GuestPanicAction::Run});
}

void RunPolicy::do_watchdog() {
    using Action = qapi::WatchdogAction;
    const Action action = actions_.watchdog;
    qapi::emit<qapi::WatchdogEvent>(events_, {.action = action});
    Status done;
    switch (action) {
        case Action::Reset:
            return do_reset(ShutdownCause::GuestReset);
        case Action::Shutdown:
            done = press_power_button();
            break;
        case Action::Poweroff:
            return end(exit_status_);
        case Action::Pause:
            return stop_for(RunState::Watchdog);
        case Action::Debug:
            return log_info("a watchdog ran out");
        case Action::InjectNmi:
            done = inject_nmi();
            break;
        case Action::None:
            break;
    }
    if (!done) log_error("watchdog: %s", done.error().message().c_str());
}

void RunPolicy::do_sleep() {
    if (machine_.run == nullptr || !machine_.run->running()) return;
    machine_.run->sleep();
    qapi::emit<qapi::SuspendEvent>(events_);
}

void RunPolicy::do_wake() {
    if (state() != RunState::Suspended || !machine_.prepare_wake) return;
    machine_.prepare_wake();
    if (Status done = machine_.run->wake(); !done)
        return do_internal_error("wake-up: " + done.error().message());
    qapi::emit<qapi::WakeupEvent>(events_);
}

void RunPolicy::do_exit(int status) {
    end(status);
}

void RunPolicy::do_internal_error(const std::string& text) {
    log_error("%s", text.c_str());
    stop_for(RunState::InternalError);
    // Without a monitor nobody could look at the stopped guest or start it again.
    if (!monitored_) end(EXIT_FAILURE);
}

// Around a reset clocks stop, but the guest still runs.
void RunPolicy::run_changed(bool running, RunState state) {
    if (!running && state == RunState::Running) return;
    if (std::exchange(told_running_, running) == running) return;
    if (running)
        qapi::emit<qapi::ResumeEvent>(events_);
    else
        qapi::emit<qapi::StopEvent>(events_);
}

RunState RunPolicy::state() const {
    return machine_.run == nullptr ? RunState::Prelaunch : machine_.run->state();
}

Status RunPolicy::need_machine() const {
    if (machine_.run != nullptr) return {};
    return Error::make("there is no machine yet");
}

Status RunPolicy::start() {
    TRY(need_machine());
    if (!held_.empty()) return Error::make("%s", held_.c_str());
    if (run_state_needs_reset(state()))
        return Error::make("the machine is in state %s and must be reset first",
                           std::string(run_state_name(state())).c_str());
    if (reset_when_started_ && state() == RunState::Paused) reset_now(*reset_when_started_);
    if (run_state_needs_reset(state())) return Error::make("the machine cannot be reset, as its guest asked");
    if (state() != RunState::Suspended) machine_.run->start();
    return {};
}

void RunPolicy::stop() {
    if (machine_.run != nullptr && machine_.run->running()) machine_.run->stop(RunState::Paused);
}

Status RunPolicy::press_power_button() {
    TRY(need_machine());
    if (!machine_.press_power_button) return Error::make("this machine has no power button");
    machine_.press_power_button();
    qapi::emit<qapi::PowerdownEvent>(events_);
    return {};
}

Status RunPolicy::wake_up() {
    if (!can_wake_up()) return Error::make("this machine cannot sleep, so it cannot be woken up");
    if (state() != RunState::Suspended) return Error::make("the guest does not sleep");
    requests_.request_wake();
    return {};
}

Status RunPolicy::inject_nmi() {
    TRY(need_machine());
    if (!machine_.inject_nmi) return Error::make("this machine has no NMI");
    return machine_.inject_nmi();
}

Status RunPolicy::leave_preconfig() {
    if (!leave_preconfig_) return Error::make("the machine has been made already");
    std::function<Status()> leave = std::exchange(leave_preconfig_, nullptr);
    return leave();
}

}  // namespace vmm
