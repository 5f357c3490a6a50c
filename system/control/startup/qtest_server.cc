// The test client's connection; see qtest_server.h.
#include "system/control/startup/qtest_server.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace vmm {

QtestServer::QtestServer(Token, Chardev& chardev, const qtest::ServerWorld& world, int log_fd)
    : chardev_(chardev),
      log_(log_fd),
      server_(
          world, [this](std::string_view text) { send(text); },
          log_ ? [this](std::string_view line) { log(line); } : std::function<void(std::string_view)>()) {}

QtestServer::~QtestServer() {
    chardev_.detach(*this);
}

Result<std::unique_ptr<QtestServer>> QtestServer::create(Chardev& chardev, const qtest::ServerWorld& world,
                                                         const std::optional<std::string>& log_file) {
    Fd log;
    if (!log_file) {
        log = Fd(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0));
    } else if (*log_file != "none") {
        log = Fd(::open(log_file->c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
        if (!log) return Error::from_errno(errno, "-qtest-log %s", log_file->c_str());
    }
    auto server = std::make_unique<QtestServer>(Token{}, chardev, world, log.release());
    TRY(chardev.attach(*server));
    return server;
}

void QtestServer::char_event(CharEvent event) {
    if (event == CharEvent::Opened) server_.opened();
    if (event == CharEvent::Closed) {
        output_.clear();
        server_.closed();
    }
}

void QtestServer::send(std::string_view text) {
    const bool waiting = !output_.empty();
    output_ += text;
    if (!waiting) flush();
}

void QtestServer::flush() {
    const void* bytes = output_.data();
    output_.erase(0, chardev_.write({static_cast<const uint8_t*>(bytes), output_.size()}));
}

void QtestServer::log(std::string_view line) {
    const std::string whole = std::string(line) + "\n";
    // A log that cannot be written is no reason to fail the client.
    (void)!::write(log_.get(), whole.data(), whole.size());
}

}  // namespace vmm
