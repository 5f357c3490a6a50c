// Character devices: what all kinds share; see chardev.h.
#include "backends/chardev/chardev.h"

#include <fcntl.h>

#include "util/fd_store.h"
#include "util/log.h"

namespace vmm {

Chardev::~Chardev() {
    CHECK(client_ == nullptr, "chardev '%s' goes away before its client", id_.c_str());
}

Status Chardev::attach(CharClient& client) {
    if (client_ != nullptr)
        return Error::make("chardev '%s' is already in use", id_.c_str())
            .with_hint("give it mux=on to share it");
    client_ = &client;
    if (connected()) client.char_event(CharEvent::Opened);
    accept_input();
    return {};
}

void Chardev::detach(CharClient& client) {
    if (client_ == &client) client_ = nullptr;
}

size_t Chardev::write(std::span<const uint8_t> bytes) {
    size_t taken = do_write(bytes);
    log(bytes.first(taken));
    return taken;
}

size_t Chardev::write_soon(std::span<const uint8_t> bytes) {
    size_t taken = do_write_soon(bytes);
    log(bytes.first(taken));
    return taken;
}

void Chardev::log(std::span<const uint8_t> bytes) {
    Locked l(log_mutex_);
    if (!log_ || bytes.empty()) return;
    Status written = write_full(log_.get(), bytes);
    if (written) return;
    log_error("chardev '%s': log file: %s", id_.c_str(), written.error().message().c_str());
    log_.reset();
}

Status Chardev::open_log(const ChardevCommon& common, const FdStore& fds) {
    if (!common.logfile) return {};
    int flags = O_WRONLY | O_CREAT | (common.logappend ? O_APPEND : O_TRUNC);
    Fd file = TRY(fds.open(*common.logfile, flags, 0666));
    Locked l(log_mutex_);
    log_ = std::move(file);
    return {};
}

void Chardev::post(std::function<void()> work) {
    loop().post([this, alive = std::weak_ptr<int>(alive_), work = std::move(work)]() mutable {
        if (alive.expired()) return;
        if (!loop().on_loop_thread()) return post(std::move(work));  // it has moved meanwhile
        work();
    });
}

void Chardev::tell(CharEvent event) {
    if (client_ != nullptr) client_->char_event(event);
}

}  // namespace vmm
