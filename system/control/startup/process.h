// The process phase: what concerns the process rather than the machine, in the order that matters. Log and
// trace first, so that the rest is recorded; the daemon before anything makes a thread; the pid file in the
// daemon, so that it names it.
#pragma once

#include <optional>

#include "system/control/configuration.h"
#include "util/daemon.h"
#include "util/fd_store.h"
#include "util/result.h"

namespace vmm {

// The descriptors of -add-fd, into their sets; their inherited numbers are closed.
Status keep_inherited(const std::vector<InheritedFd>& inherited, FdStore& store);

// Held to the end of the process: the pid file goes with it.
class ProcessSetup {
  public:
    // With -daemonize returns in the child only.
    static Result<ProcessSetup> enter(const ProcessConfig& config, const std::string& guest_name);
    // The machine is up: the process acts for the user that was asked for, a daemon's parent may leave.
    Status ready();

  private:
    ProcessSetup() = default;
    std::optional<Daemon> daemon_;
    std::optional<PidFile> pidfile_;
    std::optional<std::string> chroot_;
    std::optional<std::string> user_;
};

}  // namespace vmm
