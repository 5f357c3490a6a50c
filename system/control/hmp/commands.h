// The registration of the commands for people, by subject. Called once, at start; the table outlives what it
// is given.
#pragma once

#include "system/control/hmp/table.h"

namespace vmm {

// stop, cont, quit and their kin; info status, version, name, uuid, kvm.
void register_hmp_run_commands(HmpTable& table);

// info chardev, memdev, cpus and what else shows a query; qom-list, qom-get; pmemsave; trace-event.
void register_hmp_query_commands(HmpTable& table);

// info sev, jobs, block-jobs, visibility, conversions.
void register_hmp_info_commands(HmpTable& table);

// object_add, netdev_add, netdev_del, set_link, eject, block_resize; info blockstats, migrate,
// vm-generation-id.
void register_hmp_backend_commands(HmpTable& table);

// human-monitor-command.
void register_human_monitor_command(qapi::CommandTable& commands, const HmpTable& table);

}  // namespace vmm
