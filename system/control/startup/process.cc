// The process phase; see process.h.
#include "system/control/startup/process.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>

#include "system/control/startup/sandbox.h"
#include "util/log.h"
#include "util/text.h"
#include "util/trace.h"

namespace vmm {

namespace {

Status lock_memory(MemoryLocking locking) {
    if (locking == MemoryLocking::Off) return {};
    const int how = MCL_CURRENT | MCL_FUTURE | (locking == MemoryLocking::OnFault ? MCL_ONFAULT : 0);
    if (::mlockall(how) == 0) return {};
    return Error::from_errno(errno, "-overcommit mem-lock: the host does not let this process lock memory")
        .with_hint("raise RLIMIT_MEMLOCK");
}

struct User {
    uid_t uid;
    gid_t gid;
    std::string name;  // empty: by number
};

// A name, or UID:GID.
Result<User> find_user(const std::string& text) {
    const size_t colon = text.find(':');
    if (colon != std::string::npos) {
        std::optional<uint64_t> uid = parse_u64(text.substr(0, colon), 10);
        std::optional<uint64_t> gid = parse_u64(text.substr(colon + 1), 10);
        if (uid && gid && *uid < UINT32_MAX && *gid < UINT32_MAX)
            return User{static_cast<uid_t>(*uid), static_cast<gid_t>(*gid), {}};
    } else if (const passwd* found = ::getpwnam(text.c_str())) {
        return User{found->pw_uid, found->pw_gid, text};
    }
    return Error::make("-run-with user=%s: there is no such user", text.c_str())
        .with_hint("expected a name or UID:GID");
}

Status become(const User& user) {
    const int groups =
        user.name.empty() ? ::setgroups(1, &user.gid) : ::initgroups(user.name.c_str(), user.gid);
    if (groups != 0 || ::setgid(user.gid) != 0 || ::setuid(user.uid) != 0)
        return Error::from_errno(errno, "-run-with user: this process may not change its user");
    if (user.uid != 0 && ::setuid(0) == 0) return Error::make("-run-with user: privileges did not go");
    return {};
}

Status enter_root(const std::string& path) {
    if (::chroot(path.c_str()) != 0 || ::chdir("/") != 0)
        return Error::from_errno(errno, "-run-with chroot=%s", path.c_str());
    return {};
}

Status set_up_log(const ProcessConfig& config, const std::string& guest_name) {
    log_set_timestamps(config.message_timestamp);
    if (config.message_guest_name) log_set_guest_name(guest_name);
    if (config.log_file) {
        Status opened = log_open_file(*config.log_file);
        if (!opened) return std::move(opened).take_error().while_doing("-D");
    }
    log_set_items(config.log_items);
    for (const std::string& pattern : config.trace_patterns) {
        if (trace_enable(pattern) == 0) {
            return Error::make("-trace: no event matches '%s'", pattern.c_str())
                .with_hint("-trace help lists the events");
        }
    }
    return {};
}

}  // namespace

Status keep_inherited(const std::vector<InheritedFd>& inherited, FdStore& store) {
    for (const InheritedFd& one : inherited) {
        Fd copy(::fcntl(one.fd, F_DUPFD_CLOEXEC, 3));
        if (!copy) return Error::from_errno(errno, "-add-fd fd=%d", one.fd);
        Result<uint32_t> added = store.add_to_set(one.set, std::move(copy), one.opaque);
        if (!added) return std::move(added).take_error().while_doing("-add-fd fd=%d", one.fd);
    }
    for (const InheritedFd& one : inherited)
        ::close(one.fd);  // one may be in several sets
    return {};
}

Result<ProcessSetup> ProcessSetup::enter(const ProcessConfig& config, const std::string& guest_name) {
    ProcessSetup setup;
    TRY(set_up_log(config, guest_name));
    if (config.process_name) prctl(PR_SET_NAME, config.process_name->c_str());
    if (config.daemonize) setup.daemon_ = TRY(Daemon::enter());
    if (config.pidfile) setup.pidfile_ = TRY(PidFile::create(*config.pidfile));
    TRY(lock_memory(config.memory_locking));
    if (config.sandbox) TRY(enter_sandbox(*config.sandbox));
    setup.chroot_ = config.chroot;
    setup.user_ = config.user;
    return setup;
}

Status ProcessSetup::ready() {
    // Names are looked up before the root changes.
    std::optional<User> user;
    if (user_) user = TRY(find_user(*user_));
    if (chroot_) TRY(enter_root(*chroot_));
    if (user) TRY(become(*user));
    if (!daemon_) return {};
    Status told = daemon_->ready();
    daemon_.reset();
    return told;
}

}  // namespace vmm
