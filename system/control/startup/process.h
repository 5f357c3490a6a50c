// The process phase: what concerns the process rather than the machine, in the order that matters. Log and
// trace first, so that the rest is recorded; the daemon before anything makes a thread; the pid file in the
// daemon, so that it names it.
#pragma once

#include <optional>

#include "system/control/configuration.h"
#include "util/daemon.h"
#include "util/result.h"

namespace vmm {

// Held to the end of the process: the pid file goes with it.
class ProcessSetup {
  public:
    // With -daemonize returns in the child only.
    static Result<ProcessSetup> enter(const ProcessConfig& config, const std::string& guest_name);
    // The machine is up: a daemon's parent may leave.
    Status ready();

  private:
    ProcessSetup() = default;
    std::optional<Daemon> daemon_;
    std::optional<PidFile> pidfile_;
};

}  // namespace vmm
