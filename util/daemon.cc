// Daemons and pid files; see daemon.h.
#include "util/daemon.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <optional>
#include <system_error>

#include "util/log.h"
#include "util/scope_exit.h"
#include "util/text.h"

namespace vmm {

namespace {

[[noreturn]] void wait_for_child(pid_t child, Fd pipe) {
    uint8_t verdict = 1;
    ssize_t n;
    do {
        n = ::read(pipe.get(), &verdict, 1);
    } while (n < 0 && errno == EINTR);
    if (n == 1 && verdict == 0) ::_exit(0);
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    ::_exit(WIFEXITED(status) && WEXITSTATUS(status) != 0 ? WEXITSTATUS(status) : 1);
}

Result<FileIdentity> file_of(const Fd& fd) {
    struct stat opened = {};
    if (::fstat(fd.get(), &opened) < 0) return Error::from_errno(errno, "fstat");
    return FileIdentity{opened.st_dev, opened.st_ino};
}

// Nothing where the path names no file any more.
Result<std::optional<FileIdentity>> file_at(const std::string& path) {
    struct stat named = {};
    if (::stat(path.c_str(), &named) == 0) return std::optional(FileIdentity{named.st_dev, named.st_ino});
    if (errno == ENOENT) return std::optional<FileIdentity>();
    return Error::from_errno(errno, "stat");
}

// A lock of the open file, not of the process: it stays when somebody else here opens and closes the file.
Status lock_file(const Fd& fd, const std::string& path) {
    struct flock lock = {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    if (::fcntl(fd.get(), F_OFD_SETLK, &lock) == 0) return {};
    if (errno == EAGAIN || errno == EACCES)
        return Error::from_errno(errno, "'%s' is held by another process", path.c_str())
            .with_hint("another guest uses this -pidfile");
    return Error::from_errno(errno, "'%s': fcntl(F_OFD_SETLK)", path.c_str());
}

bool is_held(const Error& error) {
    return error.number() == EAGAIN || error.number() == EACCES;
}

Status write_number(const Fd& fd) {
    const std::string text = strf("%d\n", static_cast<int>(::getpid()));
    if (::ftruncate(fd.get(), 0) < 0) return Error::from_errno(errno, "ftruncate");
    return write_full(fd.get(),
                      {static_cast<const uint8_t*>(static_cast<const void*>(text.data())), text.size()});
}

}  // namespace

Result<Daemon> Daemon::enter() {
    Fd null = TRY(open_file("/dev/null", O_RDWR));
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) < 0) return Error::from_errno(errno, "pipe");
    Fd reader(ends[0]);
    Fd writer(ends[1]);
    pid_t child = ::fork();
    if (child < 0) return Error::from_errno(errno, "fork");
    if (child > 0) {
        writer.reset();
        wait_for_child(child, std::move(reader));
    }
    ::setsid();
    return Daemon(std::move(writer), std::move(null));
}

Status Daemon::ready() {
    if (::chdir("/") < 0) return Error::from_errno(errno, "chdir to /");
    for (int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        if (::dup2(null_.get(), standard) < 0) return Error::from_errno(errno, "dup2");
    }
    null_.reset();
    const uint8_t good = 0;
    Status told = write_full(pipe_.get(), {&good, 1});
    pipe_.reset();
    return told;
}

Result<PidFile> PidFile::create(const std::string& given) {
    auto failed = [&](Error error) {
        return std::move(error).while_doing("cannot create PID file '%s'", given.c_str());
    };
    std::error_code none;
    const std::string path = std::filesystem::absolute(given, none).string();  // -daemonize goes elsewhere
    for (;;) {
        Result<Fd> fd = open_file(path, O_CREAT | O_EXCL | O_RDWR, 0600);
        const bool is_new = static_cast<bool>(fd);
        if (!fd && fd.error().number() == EEXIST) fd = open_file(path, O_CREAT | O_RDWR, 0600);
        if (!fd) return failed(std::move(fd).take_error());
        ScopeExit remove([&] {
            if (is_new) ::unlink(path.c_str());
        });
        if (Status locked = lock_file(*fd, given); !locked) {
            if (is_held(locked.error())) remove.release();
            return std::move(locked).take_error().while_doing("cannot create PID file");
        }
        Result<FileIdentity> opened = file_of(*fd);
        if (!opened) return failed(std::move(opened).take_error());
        Result<std::optional<FileIdentity>> named = file_at(path);
        if (!named) return failed(std::move(named).take_error());
        remove.release();
        if (*named != *opened) continue;              // removed or replaced between open and lock
        PidFile made(path, std::move(*fd), *opened);  // from here on its end removes the file
        if (Status written = write_number(made.fd_); !written) return failed(std::move(written).take_error());
        return made;
    }
}

PidFile::~PidFile() {
    if (!fd_) return;
    // Somebody else's file stays; one that cannot be looked at is taken for ours.
    Result<std::optional<FileIdentity>> named = file_at(path_);
    if (named && *named != identity_) return;
    if (::unlink(path_.c_str()) != 0 && errno != ENOENT)
        log_warning(
            "%s", Error::from_errno(errno, "the PID file '%s' stays: unlink", path_.c_str()).text().c_str());
}

}  // namespace vmm
