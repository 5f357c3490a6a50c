// What any thread may ask of the whole machine: reset, shutdown, what a watchdog asks for, panic. The request
// is noted and done on the main thread; the asking vCPU stops at its next chance. Thread-safe: takes only
// leaf locks, so it may be called from a device entry point (after the device's own lock was let go).
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

namespace vmm {

// Names as QMP's ShutdownCause.
enum class ShutdownCause {
    HostError,
    HostQmpQuit,
    HostQmpSystemReset,
    HostSignal,
    HostUi,
    GuestShutdown,
    GuestReset,
    GuestPanic,
    SubsystemReset,
};

// How a guest that says why died, for reports.
struct PanicReport {
    enum class Source : uint8_t { Tdx };
    Source source = Source::Tdx;
    uint32_t code = 0;
    std::string message;          // printable
    std::optional<uint64_t> gpa;  // where the guest left more
};

class MachineRequests {
  public:
    virtual ~MachineRequests() = default;
    virtual void request_reset(ShutdownCause cause) = 0;
    // GuestPanic: the guest reported its death, and the machine's panic action follows.
    virtual void request_shutdown(ShutdownCause cause) = 0;
    // The guest reported its death and why; the machine's panic action follows.
    virtual void report_panic(PanicReport) { request_shutdown(ShutdownCause::GuestPanic); }
    // A watchdog ran out; the machine's watchdog action follows.
    virtual void report_watchdog() {}
    // The guest reported that its crash kernel runs.
    virtual void report_crash_loaded() {}
    // isa-debug-exit and kin: end the process with this status.
    virtual void request_exit(int status) = 0;
    // Stops the VM with run state internal-error; the text is logged once.
    virtual void report_internal_error(std::string text) = 0;
    // The guest goes to sleep in ACPI S3: must_wait() holds from here until no vCPU runs.
    virtual void request_sleep() {}
    // Something that wakes a sleeping machine happened.
    virtual void request_wake() {}
    // A vCPU that asked must not run its next instruction: it stands still until the vCPUs are resumed.
    bool must_wait() const { return must_wait_.load(std::memory_order_relaxed); }

  protected:
    void set_must_wait(bool wait) { must_wait_.store(wait, std::memory_order_relaxed); }

  private:
    std::atomic<bool> must_wait_{false};
};

}  // namespace vmm
