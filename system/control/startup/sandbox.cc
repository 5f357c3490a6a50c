// See sandbox.h. What is not named here passes: the list is of calls that this program has no use for, so it
// says what an attacker loses, not what we need.
#include "system/control/startup/sandbox.h"

#include <sched.h>
#include <seccomp.h>
#include <sys/prctl.h>

#include <cerrno>
#include <memory>
#include <span>

namespace vmm {

namespace {

// Of the host's administrator, whatever the options say.
constexpr int kAlways[] = {
    SCMP_SYS(reboot),
    SCMP_SYS(swapon),
    SCMP_SYS(swapoff),
    SCMP_SYS(mount),
    SCMP_SYS(umount),
    SCMP_SYS(umount2),
    SCMP_SYS(pivot_root),
    SCMP_SYS(kexec_load),
    SCMP_SYS(kexec_file_load),
    SCMP_SYS(init_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(delete_module),
    SCMP_SYS(syslog),
    SCMP_SYS(acct),
    SCMP_SYS(settimeofday),
    SCMP_SYS(clock_settime),
    SCMP_SYS(sethostname),
    SCMP_SYS(setdomainname),
    SCMP_SYS(vhangup),
    SCMP_SYS(quotactl),
    SCMP_SYS(iopl),
    SCMP_SYS(ioperm),
    SCMP_SYS(open_by_handle_at),
    SCMP_SYS(ptrace),
    SCMP_SYS(process_vm_writev),
};
constexpr int kObsolete[] = {
    SCMP_SYS(readdir),          SCMP_SYS(_sysctl),         SCMP_SYS(bdflush),
    SCMP_SYS(create_module),    SCMP_SYS(get_kernel_syms), SCMP_SYS(query_module),
    SCMP_SYS(sgetmask),         SCMP_SYS(ssetmask),        SCMP_SYS(sysfs),
    SCMP_SYS(uselib),           SCMP_SYS(ustat),           SCMP_SYS(lookup_dcookie),
    SCMP_SYS(remap_file_pages), SCMP_SYS(nfsservctl),
};
constexpr int kElevation[] = {
    SCMP_SYS(setuid),   SCMP_SYS(setgid),   SCMP_SYS(setpgid),   SCMP_SYS(setsid),
    SCMP_SYS(setreuid), SCMP_SYS(setregid), SCMP_SYS(setresuid), SCMP_SYS(setresgid),
    SCMP_SYS(setfsuid), SCMP_SYS(setfsgid), SCMP_SYS(setgroups), SCMP_SYS(capset),
};
constexpr int kSpawn[] = {
    SCMP_SYS(fork),
    SCMP_SYS(vfork),
    SCMP_SYS(execve),
    SCMP_SYS(execveat),
};
constexpr int kResourceControl[] = {
    SCMP_SYS(setpriority),   SCMP_SYS(sched_setparam),    SCMP_SYS(sched_setscheduler),
    SCMP_SYS(sched_setattr), SCMP_SYS(sched_setaffinity), SCMP_SYS(ioprio_set),
};

struct Release {
    void operator()(void* filter) const { seccomp_release(filter); }
};
using Filter = std::unique_ptr<void, Release>;

Status failed(int error, const char* what) {
    return Error::from_errno(-error, "-sandbox: %s", what);
}

Status deny(const Filter& filter, std::span<const int> calls) {
    for (int call : calls) {
        if (call < 0) continue;  // this architecture never had it
        const int error = seccomp_rule_add(filter.get(), SCMP_ACT_KILL_PROCESS, call, 0);
        if (error != 0) return failed(error, "a rule was refused");
    }
    return {};
}

// Threads may be made, processes may not. The arguments of clone3 are in memory, where no filter can look: it
// does not exist, and the C library uses clone.
Status deny_spawning(const Filter& filter) {
    TRY(deny(filter, kSpawn));
    int error = seccomp_rule_add(filter.get(), SCMP_ACT_KILL_PROCESS, SCMP_SYS(clone), 1,
                                 SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0));
    if (error == 0) error = seccomp_rule_add(filter.get(), SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    if (error != 0) return failed(error, "a rule was refused");
    return {};
}

}  // namespace

Status enter_sandbox(const SandboxConfig& config) {
    const Filter filter(seccomp_init(SCMP_ACT_ALLOW));
    if (filter == nullptr) return Error::make("-sandbox: no filter could be made");
    TRY(deny(filter, kAlways));
    if (config.deny_obsolete) TRY(deny(filter, kObsolete));
    if (config.deny_elevation) TRY(deny(filter, kElevation));
    if (config.deny_spawn) TRY(deny_spawning(filter));
    if (config.deny_resource_control) TRY(deny(filter, kResourceControl));
    if (config.no_new_privileges && ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return Error::from_errno(errno, "-sandbox elevateprivileges");
    const int error = seccomp_load(filter.get());
    if (error != 0) return failed(error, "the kernel refused the filter");
    return {};
}

}  // namespace vmm
