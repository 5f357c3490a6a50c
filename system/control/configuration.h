// Configuration: a whole command line as typed data, checked before any VM exists. system/control/cli makes
// it, system/control/startup builds the machine from it. Nothing here names argv, a socket or the kernel.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "backends/block/options/storage_config.h"
#include "backends/chardev/options.h"
#include "backends/memory/backend_config.h"
#include "backends/net/config.h"
#include "backends/secret/secret.h"
#include "hw/core/machine_config.h"
#include "qapi/types_machine.h"
#include "qapi/types_qom.h"
#include "system/control/actions.h"

namespace vmm {

// -accel kvm, -machine accel=kvm:tcg; QEMU's other accelerators are named, but not there.
enum class AccelKind { Kvm, Qtest, Absent };
struct AccelConfig {
    AccelKind kind = AccelKind::Kvm;
    std::string name = "kvm";
    std::string device = "/dev/kvm";  // -accel kvm,device=
};

// -sandbox: which groups of system calls end the process.
struct SandboxConfig {
    bool deny_obsolete = true;
    bool deny_elevation = false;
    bool no_new_privileges = false;  // elevateprivileges=deny or children
    bool deny_spawn = false;
    bool deny_resource_control = false;
};

// -overcommit mem-lock=
enum class MemoryLocking { Off, On, OnFault };

// -add-fd
struct InheritedFd {
    int fd;
    uint32_t set;
    std::optional<std::string> opaque;
};

// What concerns the process rather than the guest.
struct ProcessConfig {
    bool daemonize = false;
    std::optional<std::string> pidfile;
    std::optional<std::string> log_file;      // -D
    uint32_t log_items = 0;                   // -d, LogItem bits
    std::vector<std::string> trace_patterns;  // -trace, -d trace:
    bool message_timestamp = false;           // -msg timestamp=on
    bool message_guest_name = false;          // -msg guest-name=on
    bool thread_names = false;                // -name debug-threads=on
    std::optional<std::string> process_name;  // -name process=
    std::optional<SandboxConfig> sandbox;     // -sandbox on
    MemoryLocking memory_locking = MemoryLocking::Off;
    std::optional<std::string> chroot;  // -run-with chroot=
    std::optional<std::string> user;    // -run-with user=
    std::vector<InheritedFd> inherited_fds;
};

// -object rng-builtin, rng-random
struct RngSourceConfig {
    std::string id;
    std::optional<std::string> filename;  // absent: the host kernel's generator
};

// -launch-plan
struct LaunchPlanConfig {
    std::string file;            // "-": standard output
    bool two_pass_mrtd = false;  // MRTD as stacks from before Linux 6.16 make it
};

// -mon, -qmp, -qmp-pretty, -monitor
struct MonitorConfig {
    std::string chardev;   // id
    bool control = false;  // QMP; else the monitor for people
    bool pretty = false;
};

struct Configuration {
    MachineConfig machine;
    std::vector<AccelConfig> accels = {AccelConfig()};  // the first that works
    std::vector<MemoryBackendConfig>
        memory_backends;  // the default RAM (-m without a backend) is one of them
    // The object that -machine confidential-guest-support= names, or the one kvm-type=sw-protected-vm
    // implies.
    std::optional<qapi::ObjectOptions> confidential;
    bool confidential_auto = false;  // confidential-guest-support=auto: the strongest that the host has
    bool mem_merge = true;           // -machine mem-merge
    bool dump_guest_core = true;     // -machine dump-guest-core
    std::vector<ChardevOptions> chardevs;
    block::StorageConfig storage;
    std::vector<RngSourceConfig> rngs;
    std::vector<SecretConfig> secrets;
    std::vector<net::NetdevConfig> netdevs;
    std::vector<MonitorConfig> monitors;
    std::vector<qapi::NumaOptions> numa;       // as written; set-numa-node adds to them
    std::optional<std::string> qtest_chardev;  // -qtest: the chardev's id
    std::optional<std::string> qtest_log;      // -qtest-log: a path, or "none"
    ProcessConfig process;

    // What a launch would do is written, instead of launching.
    std::optional<LaunchPlanConfig> launch_plan;
    std::vector<uint8_t> expect_measurement;  // -expect-measurement; empty: none

    bool start_paused = false;  // -S
    bool preconfig = false;     // -preconfig: the monitor says when the machine is made
    Actions actions;            // -action, -no-reboot, -no-shutdown, -watchdog-action
};

}  // namespace vmm
