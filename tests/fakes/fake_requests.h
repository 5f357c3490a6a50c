// FakeRequests: what devices asked of the machine, counted. One thread.
#pragma once

#include <string>
#include <vector>

#include "system/run/requests.h"

namespace vmm {

struct FakeRequests final : MachineRequests {
    void request_reset(ShutdownCause cause) override { resets.push_back(cause); }
    void request_shutdown(ShutdownCause cause) override { shutdowns.push_back(cause); }
    void report_panic(PanicReport report) override { panics.push_back(std::move(report)); }
    void report_watchdog() override { ++watchdogs; }
    void report_crash_loaded() override { ++crash_loads; }
    void request_exit(int status) override { exits.push_back(status); }
    void report_internal_error(std::string text) override { errors.push_back(std::move(text)); }
    void request_sleep() override { ++sleeps; }
    void request_wake() override { ++wakes; }
    std::vector<ShutdownCause> resets, shutdowns;
    std::vector<int> exits;
    std::vector<PanicReport> panics;
    unsigned watchdogs = 0, crash_loads = 0, sleeps = 0, wakes = 0;
    std::vector<std::string> errors;
};

}  // namespace vmm
