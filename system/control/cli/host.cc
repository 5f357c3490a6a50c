// Options about the process and its host: -overcommit, -sandbox, -run-with, -add-fd; and -audiodev, which has
// nothing to do.
#include <fcntl.h>

#include <algorithm>

#include "qapi/convert.h"
#include "qapi/types_process.h"
#include "system/control/cli/builder_priv.h"
#include "system/control/cli/help_priv.h"

namespace vmm::cli {
namespace {

// The options as their type; nothing when they ask for help, which is printed.
template <typename T>
Result<std::optional<T>> parse(Builder& builder, const std::string& value, const char* option,
                               const qapi::StructInfo& info, const char* implied = "") {
    bool json = false;
    qapi::Keyval parsed = TRY(qapi::parse_keyval_or_json(value, {.implied_key = implied}, &json));
    if (parsed.help) {
        builder.print(std::string(option) + " options:\n" + members_help(info.members));
        return std::optional<T>();
    }
    T made = TRY(json ? qapi::from_value<T>(parsed.dict) : qapi::from_keyval<T>(parsed.dict));
    return std::optional<T>(std::move(made));
}

Status set_path(std::optional<std::string>& to, const std::string& value) {
    if (value.empty()) return Error::make("expected a value");
    to = value;
    return {};
}

}  // namespace

Status take_overcommit(Builder& builder, const std::string& value) {
    auto given =
        TRY(parse<qapi::OvercommitOptions>(builder, value, "-overcommit", qapi::kOvercommitOptionsInfo));
    if (!given) return {};
    if (given->cpu_pm.value_or(false))
        return Error::make("Parameter 'cpu-pm': a guest that sleeps always gives its processor back")
            .with_hint("use cpu-pm=off");
    constexpr MemoryLocking kModes[] = {MemoryLocking::Off, MemoryLocking::On, MemoryLocking::OnFault};
    if (given->mem_lock)
        builder.line.configuration.process.memory_locking = kModes[static_cast<size_t>(*given->mem_lock)];
    return {};
}

Status take_sandbox(Builder& builder, const std::string& value) {
    auto given =
        TRY(parse<qapi::SandboxOptions>(builder, value, "-sandbox", qapi::kSandboxOptionsInfo, "enable"));
    if (!given) return {};
    std::optional<SandboxConfig>& sandbox = builder.line.configuration.process.sandbox;
    sandbox.reset();
    if (!given->enable) return {};
    using Elevation = qapi::SandboxElevation;
    const Elevation elevation = given->elevateprivileges.value_or(Elevation::Allow);
    const auto denied = [](const std::optional<qapi::SandboxSwitch>& choice, qapi::SandboxSwitch otherwise) {
        return choice.value_or(otherwise) == qapi::SandboxSwitch::Deny;
    };
    sandbox =
        SandboxConfig{.deny_obsolete = denied(given->obsolete, qapi::SandboxSwitch::Deny),
                      .deny_elevation = elevation == Elevation::Deny,
                      .no_new_privileges = elevation != Elevation::Allow,
                      .deny_spawn = denied(given->spawn, qapi::SandboxSwitch::Allow),
                      .deny_resource_control = denied(given->resourcecontrol, qapi::SandboxSwitch::Allow)};
    return {};
}

Status take_run_with(Builder& builder, const std::string& value) {
    auto given = TRY(parse<qapi::RunWithOptions>(builder, value, "-run-with", qapi::kRunWithOptionsInfo));
    if (!given) return {};
    if (given->async_teardown.value_or(false))
        return Error::make("Parameter 'async-teardown': the process always waits until its memory is free")
            .with_hint("use async-teardown=off");
    ProcessConfig& process = builder.line.configuration.process;
    if (given->chroot) TRY(set_path(process.chroot, *given->chroot));
    if (given->user) TRY(set_path(process.user, *given->user));
    return {};
}

Status take_runas(Builder& builder, const std::string& value) {
    return set_path(builder.line.configuration.process.user, value);
}

Status take_chroot(Builder& builder, const std::string& value) {
    return set_path(builder.line.configuration.process.chroot, value);
}

Status take_add_fd(Builder& builder, const std::string& value) {
    auto given = TRY(parse<qapi::AddFdOptions>(builder, value, "-add-fd", qapi::kAddFdOptionsInfo));
    if (!given) return {};
    if (given->fd <= 2 || given->fd > INT32_MAX || ::fcntl(static_cast<int>(given->fd), F_GETFD) < 0)
        return Error::make("Parameter 'fd' expects an open descriptor other than 0, 1 and 2, not %lld",
                           static_cast<long long>(given->fd));
    builder.line.configuration.process.inherited_fds.push_back(
        {static_cast<int>(given->fd), given->set, given->opaque});
    return {};
}

Status take_audiodev(Builder& builder, const std::string& value) {
    auto given = TRY(parse<qapi::Audiodev>(builder, value, "-audiodev", qapi::kAudiodevInfo, "driver"));
    if (!given) return {};
    TRY(check_id(given->id));
    if (std::find(builder.audiodevs.begin(), builder.audiodevs.end(), given->id) != builder.audiodevs.end())
        return Error::make("the id '%s' is already in use", given->id.c_str());
    builder.audiodevs.push_back(given->id);
    return {};
}

}  // namespace vmm::cli
