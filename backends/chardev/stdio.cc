// Standard input and output, files and FIFOs as chardevs; see stdio.h.
#include "backends/chardev/stdio.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>

#include "util/fd_store.h"
#include "util/log.h"

namespace vmm {

Result<std::unique_ptr<StdioChardev>> StdioChardev::create(EventLoop& loop, std::string id,
                                                           const ChardevStdio& config) {
    auto made = std::make_unique<StdioChardev>(Token{}, loop, std::move(id), config.signal);
    Result<Fd> in = reopen_non_blocking(STDIN_FILENO, O_RDONLY);
    if (!in) return std::move(in).take_error().while_doing("standard input");
    Result<Fd> out = reopen_non_blocking(STDOUT_FILENO, O_WRONLY);
    if (!out) return std::move(out).take_error().while_doing("standard output");
    if (::isatty(STDIN_FILENO) != 0) {
        termios now = {};
        if (::tcgetattr(STDIN_FILENO, &now) == 0) made->before_ = now;
        made->make_raw();
        TRY(made->watch_continue());
    }
    made->open_stream(std::move(in).take_value(), std::move(out).take_value(), Polling::Yes);
    return made;
}

StdioChardev::~StdioChardev() {
    if (before_) ::tcsetattr(STDIN_FILENO, TCSANOW, &*before_);
}

void StdioChardev::make_raw() {
    if (!before_) return;
    termios raw = *before_;
    raw.c_iflag &= ~static_cast<tcflag_t>(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
    raw.c_oflag |= OPOST;  // "\n" from our own messages still starts a line
    raw.c_lflag &= ~static_cast<tcflag_t>(ECHO | ECHONL | ICANON | IEXTEN);
    if (!signals_) raw.c_lflag &= ~static_cast<tcflag_t>(ISIG);
    raw.c_cflag &= ~static_cast<tcflag_t>(CSIZE | PARENB);
    raw.c_cflag |= CS8;
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    ::tcsetattr(STDIN_FILENO, TCSANOW, &raw);
}

// The shell restores its own mode when it gets the terminal; we ask for ours again when we get it back. A
// blocked SIGCONT still continues the process.
Status StdioChardev::watch_continue() {
    sigset_t set;
    ::sigemptyset(&set);
    ::sigaddset(&set, SIGCONT);
    ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
    continued_ = Fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!continued_) return Error::from_errno(errno, "signalfd");
    continue_watch_.emplace(loop(), continued_.get(), FdWatch::kIn, [this](unsigned) {
        signalfd_siginfo info = {};
        if (::read(continued_.get(), &info, sizeof info) > 0) make_raw();
    });
    return {};
}

Result<std::unique_ptr<FileChardev>> FileChardev::create(EventLoop& loop, std::string id,
                                                         const ChardevFile& config, const FdStore& fds) {
    int how = O_WRONLY | O_CREAT | (config.append ? O_APPEND : O_TRUNC);
    Fd out = TRY(fds.open(config.out, how, 0666));
    Fd in;
    if (config.in) in = TRY(fds.open(*config.in, O_RDONLY | O_NONBLOCK));
    auto made = std::make_unique<FileChardev>(Token{}, loop, std::move(id));
    made->open_stream(std::move(in), std::move(out), Polling::No);
    return made;
}

Result<std::unique_ptr<PipeChardev>> PipeChardev::create(EventLoop& loop, std::string id,
                                                         const ChardevPipe& config) {
    // Opened for both ways: neither end waits for the other, and no end of file comes when a reader leaves.
    Result<Fd> in = open_file(config.device + ".in", O_RDWR | O_NONBLOCK);
    Result<Fd> out = open_file(config.device + ".out", O_RDWR | O_NONBLOCK);
    if (!in || !out) {
        in = TRY(open_file(config.device, O_RDWR | O_NONBLOCK));
        out = TRY((*in).duplicate());
    }
    auto made = std::make_unique<PipeChardev>(Token{}, loop, std::move(id));
    made->open_stream(std::move(in).take_value(), std::move(out).take_value(), Polling::Yes);
    return made;
}

}  // namespace vmm
