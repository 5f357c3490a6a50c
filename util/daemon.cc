// Daemons and pid files; see daemon.h.
#include "util/daemon.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

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

// True when the descriptor is still the file the path names (nobody removed or replaced it between open and
// lock).
bool still_the_file(const Fd& fd, const std::string& path) {
    struct stat opened = {};
    struct stat named = {};
    return ::fstat(fd.get(), &opened) == 0 && ::stat(path.c_str(), &named) == 0 &&
           opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;
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

Result<PidFile> PidFile::create(const std::string& path) {
    for (;;) {
        Result<Fd> fd = open_file(path, O_CREAT | O_RDWR, 0600);
        if (!fd) return std::move(fd).take_error().while_doing("cannot create PID file");
        // A lock of the open file, not of the process: it stays when somebody else here opens and closes the
        // file.
        struct flock lock = {};
        lock.l_type = F_WRLCK;
        lock.l_whence = SEEK_SET;
        if (::fcntl(fd->get(), F_OFD_SETLK, &lock) < 0) {
            return Error::from_errno(errno, "cannot create PID file: '%s' is held by another process",
                                     path.c_str())
                .with_hint("another guest uses this -pidfile");
        }
        if (!still_the_file(*fd, path)) continue;
        std::string text = strf("%d\n", static_cast<int>(::getpid()));
        PidFile made(path, std::move(*fd));  // from here on its end removes the file
        if (::ftruncate(made.fd_.get(), 0) < 0)
            return Error::from_errno(errno, "cannot create PID file: '%s'", path.c_str());
        Status written =
            write_full(made.fd_.get(),
                       {static_cast<const uint8_t*>(static_cast<const void*>(text.data())), text.size()});
        if (!written)
            return std::move(written).take_error().while_doing("cannot create PID file '%s'", path.c_str());
        return made;
    }
}

PidFile::~PidFile() {
    if (fd_ && still_the_file(fd_, path_)) ::unlink(path_.c_str());
}

}  // namespace vmm
