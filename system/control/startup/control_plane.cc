// The parts of the control plane and how they know each other; see control_plane.h.
#include "system/control/startup/control_plane.h"

#include "qom/commands.h"
#include "system/control/hmp/commands.h"
#include "system/control/qmp/commands.h"
#include "system/control/qmp/version.h"
#include "system/control/startup/human_commands.h"
#include "system/control/type_tables.h"

namespace vmm {

ControlPlane::ControlPlane(EventLoop& loop, LoopRequests& requests, const Configuration& configuration,
                           ChardevSet& chardevs, FdStore& descriptors, MachineView& view, IoctlDoor& kernel)
    : configuration_(configuration),
      chardevs_(chardevs),
      device_types_(all_device_types()),
      types_(make_type_registry(device_types_)),
      descriptors_(descriptors),
      server_(loop, commands_, [this] { return policy_.preconfig(); }),
      policy_(loop, requests, server_.events(), configuration.actions),
      dump_(loop, server_.events(), view, policy_, descriptors) {
    register_control_commands(commands_);
    register_run_commands(commands_, policy_);
    register_fd_commands(commands_, descriptors_);
    register_identity_commands(commands_, {.name = configuration.machine.name,
                                           .uuid = configuration.machine.uuid,
                                           .kvm = [this] { return kvm_; }});
    register_trace_commands(commands_);
    register_migration_commands(commands_, [&view] { return migration_blocker(view); });
    register_type_commands(commands_, types_);
    register_object_commands(commands_, [&view] { return object_tree(view); });
    register_machine_commands(commands_, view);
    register_cpu_commands(commands_, view);
    register_memory_commands(commands_, view);
    register_balloon_commands(commands_, view);
    register_confidential_commands(commands_, view, kernel);
    register_chardev_commands(commands_, chardevs_, descriptors_);
    register_hotplug_commands(commands_, view);
    register_device_commands(commands_, view, device_types_);
    register_block_commands(commands_, view);
    register_net_commands(commands_, view, descriptors_);
    register_cpu_model_commands(commands_, view);
    register_conversion_commands(commands_, view);
    register_pci_commands(commands_, view);
    register_job_commands(commands_, view);
    register_option_commands(commands_);
    dump_.register_commands(commands_);
    register_hmp_dump_commands(human_);
    register_hmp_run_commands(human_);
    register_hmp_query_commands(human_);
    register_hmp_info_commands(human_);
    register_hmp_backend_commands(human_);
    register_human_commands(human_, view, device_types_);
    register_hmp_block_commands(human_, view);
    register_hmp_net_commands(human_, view);
    register_hmp_pci_commands(human_);
    register_hmp_interrupt_commands(human_, view);
    register_hmp_chardev_commands(human_, chardevs_);
    register_key_commands(commands_, human_, loop, view);
    register_stats_commands(commands_, human_, view);
    register_human_monitor_command(commands_, human_);
}

void ControlPlane::machine_gone() {
    dump_.machine_gone();
    policy_.machine_gone();
}

Status ControlPlane::open_monitor(const MonitorConfig& config, Chardev& chardev) {
    if (config.control)
        return server_.add(chardev, config.pretty ? Session::Style::Pretty : Session::Style::Compact);
    const qapi::VersionInfo version = version_info();
    human_monitors_.push_back(
        std::make_unique<HumanMonitor>(human_, chardev, version.package + " monitor - type 'help' for help"));
    return human_monitors_.back()->start();
}

Status ControlPlane::open_monitors() {
    for (const MonitorConfig& monitor : configuration_.monitors) {
        Chardev* chardev = chardevs_.find(monitor.chardev);
        CHECK(chardev != nullptr, "the command line named no chardev '%s'", monitor.chardev.c_str());
        TRY(open_monitor(monitor, *chardev));
    }
    policy_.set_monitored(!configuration_.monitors.empty());
    return {};
}

}  // namespace vmm
