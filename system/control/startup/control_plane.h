// ControlPlane: the outside voice of a machine - the commands, the monitors that speak them, the descriptors
// that clients hand over, and the policy that decides what happens to the machine as a whole. Made before the
// machine, so that a client is greeted at once; ends after it. Main thread.
#pragma once

#include "backends/chardev/chardev_set.h"
#include "qapi/command_table.h"
#include "system/control/configuration.h"
#include "system/control/hmp/human_monitor.h"
#include "system/control/qmp/server.h"
#include "system/control/startup/dump_service.h"
#include "system/control/startup/query_commands.h"
#include "system/control/startup/run_policy.h"
#include "util/fd_store.h"
#include "util/ioctl.h"

namespace vmm {

class ControlPlane {
  public:
    // All outlive the control plane.
    ControlPlane(EventLoop& loop, LoopRequests& requests, const Configuration& configuration,
                 ChardevSet& chardevs, FdStore& descriptors, MachineView& view, IoctlDoor& kernel);

    // The monitors of the command line, on chardevs that exist by now. Greets who is there.
    Status open_monitors();

    RunPolicy& policy() { return policy_; }
    // The board goes: whoever works on it stops.
    void machine_gone();
    qapi::EventSink& events() { return server_.events(); }
    void deliver_events() { server_.deliver_events(); }
    FdStore& descriptors() { return descriptors_; }
    // Where parts of the machine add their commands, before the loop runs.
    qapi::CommandTable& commands() { return commands_; }
    HmpTable& human_commands() { return human_; }
    void set_kvm(bool runs_the_guest) { kvm_ = runs_the_guest; }
    // The clients hear of everything that has happened.
    void flush() { server_.flush(); }

  private:
    Status open_monitor(const MonitorConfig& config, Chardev& chardev);

    const Configuration& configuration_;
    ChardevSet& chardevs_;
    const DeviceTypes device_types_;
    const TypeRegistry types_;
    FdStore& descriptors_;
    qapi::CommandTable commands_;
    HmpTable human_{commands_};
    MonitorServer server_;
    RunPolicy policy_;
    DumpService dump_;
    std::vector<std::unique_ptr<HumanMonitor>> human_monitors_;
    bool kvm_ = true;
};

}  // namespace vmm
