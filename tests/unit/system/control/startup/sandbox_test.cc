// What -sandbox takes from a process and what it leaves: each group in a process of its own, which the kernel
// ends at the first denied call.
#include "system/control/startup/sandbox.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <functional>
#include <thread>

namespace vmm {
namespace {

enum class End { Passed, Failed, Killed, Other };

// What becomes of a process that enters the sandbox and makes the call; it passes when the call says true.
End end_of(const SandboxConfig& config, const std::function<bool()>& call) {
    const pid_t child = ::fork();
    if (child == 0) {
        if (!enter_sandbox(config)) ::_exit(2);
        ::_exit(call() ? 0 : 1);
    }
    int status = 0;
    if (child < 0 || ::waitpid(child, &status, 0) != child) return End::Other;
    if (WIFSIGNALED(status)) return WTERMSIG(status) == SIGSYS ? End::Killed : End::Other;
    if (WEXITSTATUS(status) > 1) return End::Other;
    return WEXITSTATUS(status) == 0 ? End::Passed : End::Failed;
}

bool forks() {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(0);
    return child > 0 && ::waitpid(child, nullptr, 0) == child;
}

bool executes() {
    ::execl("/bin/true", "true", nullptr);
    return false;
}

bool sets_user() {
    return ::setuid(::getuid()) == 0;
}

bool sets_group() {
    return ::setgid(::getgid()) == 0;
}

bool sets_priority() {
    return ::setpriority(PRIO_PROCESS, 0, 19) == 0;
}

bool sets_affinity() {
    cpu_set_t all;
    return ::sched_getaffinity(0, sizeof(all), &all) == 0 && ::sched_setaffinity(0, sizeof(all), &all) == 0;
}

// What the kernel says of it is all the same.
bool calls_obsolete() {
    ::syscall(SYS_uselib, nullptr);
    ::syscall(SYS_ustat, 0, nullptr);
    return true;
}

bool traces() {
    return ::syscall(SYS_ptrace, 0, 0, nullptr, nullptr) == 0;
}

bool makes_a_thread() {
    bool ran = false;
    std::thread thread([&ran] { ran = true; });
    thread.join();
    return ran;
}

bool gains_nothing() {
    return ::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
}

constexpr SandboxConfig kAllAllowed{.deny_obsolete = false};

TEST(Sandbox, WhatIsAllowedPasses) {
    const std::function<bool()> calls[] = {forks,         executes,      sets_user,      sets_group,
                                           sets_priority, sets_affinity, calls_obsolete, makes_a_thread};
    for (size_t i = 0; i < std::size(calls); ++i)
        EXPECT_EQ(end_of(kAllAllowed, calls[i]), End::Passed) << i;
}

TEST(Sandbox, TheAdministratorsCallsAreAlwaysDenied) {
    EXPECT_EQ(end_of(kAllAllowed, traces), End::Killed);
    EXPECT_EQ(end_of(kAllAllowed, [] { return ::syscall(SYS_mount, 0, 0, 0, 0, 0) == 0; }), End::Killed);
}

TEST(Sandbox, ObsoleteCallsAreDeniedUnlessTheyAreAllowed) {
    EXPECT_EQ(end_of(SandboxConfig(), calls_obsolete), End::Killed);
    EXPECT_EQ(end_of(SandboxConfig(), forks), End::Passed);
}

TEST(Sandbox, ElevationIsDenied) {
    SandboxConfig config = kAllAllowed;
    config.deny_elevation = config.no_new_privileges = true;
    EXPECT_EQ(end_of(config, sets_user), End::Killed);
    EXPECT_EQ(end_of(config, sets_group), End::Killed);
    EXPECT_EQ(end_of(config, gains_nothing), End::Passed);
    EXPECT_EQ(end_of(config, forks), End::Passed);
}

TEST(Sandbox, ChildrenGainNothingAndTheProcessMayChangeItsUser) {
    SandboxConfig config = kAllAllowed;
    config.no_new_privileges = true;
    EXPECT_EQ(end_of(config, sets_user), End::Passed);
    EXPECT_EQ(end_of(config, executes), End::Passed);
    EXPECT_EQ(end_of(config, gains_nothing), End::Passed);
}

TEST(Sandbox, SpawningIsDeniedAndThreadsAreNot) {
    SandboxConfig config = kAllAllowed;
    config.deny_spawn = true;
    EXPECT_EQ(end_of(config, forks), End::Killed);
    EXPECT_EQ(end_of(config, executes), End::Killed);
    EXPECT_EQ(end_of(config, makes_a_thread), End::Passed);
    EXPECT_EQ(end_of(config, [] { return ::syscall(SYS_clone3, nullptr, 0) == -1 && errno == ENOSYS; }),
              End::Passed);
}

TEST(Sandbox, ResourceControlIsDenied) {
    SandboxConfig config = kAllAllowed;
    config.deny_resource_control = true;
    EXPECT_EQ(end_of(config, sets_priority), End::Killed);
    EXPECT_EQ(end_of(config, sets_affinity), End::Killed);
    EXPECT_EQ(end_of(config, makes_a_thread), End::Passed);
}

}  // namespace
}  // namespace vmm
