// Pseudo terminals; see pty.h.
#include "backends/chardev/pty.h"

#include <fcntl.h>
#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>

#include "util/log.h"

namespace vmm {

namespace {

constexpr int64_t kLookEvery = 1'000'000'000;

bool hung_up(int fd) {
    pollfd one = {fd, POLLIN, 0};
    return ::poll(&one, 1, 0) > 0 && (one.revents & POLLHUP) != 0;
}

// Raw, and with the other side closed once, so that "nobody has it open" reads as a hang-up.
Status prepare_slave(const std::string& name) {
    Fd slave = TRY(open_file(name, O_RDWR | O_NOCTTY));
    termios mode = {};
    if (::tcgetattr(slave.get(), &mode) < 0)
        return Error::from_errno(errno, "tcgetattr of '%s'", name.c_str());
    ::cfmakeraw(&mode);
    if (::tcsetattr(slave.get(), TCSAFLUSH, &mode) < 0)
        return Error::from_errno(errno, "tcsetattr of '%s'", name.c_str());
    return {};
}

}  // namespace

PtyChardev::PtyChardev(Token, EventLoop& loop, std::string id)
    : FdChardev(loop, std::move(id)), timer_(loop, [this] { look(); }) {}

Result<std::unique_ptr<PtyChardev>> PtyChardev::create(EventLoop& loop, std::string id,
                                                       const ChardevPty& config) {
    auto made = std::make_unique<PtyChardev>(Token{}, loop, std::move(id));
    made->master_ = Fd(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    int master = made->master_.get();
    if (master < 0) return Error::from_errno(errno, "a pseudo terminal could not be opened");
    std::array<char, 128> name = {};
    if (::grantpt(master) < 0 || ::unlockpt(master) < 0 || ::ptsname_r(master, name.data(), name.size()) != 0)
        return Error::from_errno(errno, "preparing a pseudo terminal");
    made->name_ = name.data();
    TRY(prepare_slave(made->name_));
    TRY(set_non_blocking(master));
    if (config.path) {
        if (::symlink(name.data(), config.path->c_str()) < 0)
            return Error::from_errno(errno, "linking '%s' to '%s'", config.path->c_str(), name.data());
        made->link_ = config.path;
    }
    log_info("char device redirected to %s (label %s)", name.data(), made->id().c_str());
    made->look();
    return made;
}

PtyChardev::~PtyChardev() {
    if (link_) ::unlink(link_->c_str());
}

void PtyChardev::look() {
    if (stream_open()) return;
    if (hung_up(master_.get())) {
        timer_.arm_at(monotonic_ns() + kLookEvery);
        return;
    }
    Result<Fd> mine = master_.duplicate();
    if (!mine) {
        timer_.arm_at(monotonic_ns() + kLookEvery);
        return;
    }
    open_stream(std::move(mine).take_value(), Fd(), Polling::Yes);
    tell(CharEvent::Opened);
}

void PtyChardev::ended() {
    if (!stream_open()) return;
    close_stream();
    tell(CharEvent::Closed);
    timer_.arm_at(monotonic_ns() + kLookEvery);
}

}  // namespace vmm
