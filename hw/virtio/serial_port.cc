// Ports of a virtio console device; see serial_port.h.
#include "hw/virtio/serial_port.h"

#include <algorithm>

#include "hw/core/device_env.h"
#include "hw/virtio/serial.h"

namespace vmm::virtio {

namespace {

// Of one buffer in one turn of the loop, either way.
constexpr size_t kMostToGuest = 4096;
constexpr uint64_t kMostFromGuest = 64 * kKiB;

template <typename Port>
Result<std::unique_ptr<Port>> make_port(const SerialPort::Config& config, bool console, DeviceEnv& env,
                                        const std::string& id) {
    auto port = std::make_unique<Port>(config, console, id);
    TRY(port->take_chardev(env));
    return port;
}

}  // namespace

Result<std::unique_ptr<VirtSerialPort>> VirtSerialPort::create(const Config& config, DeviceEnv& env,
                                                               const std::string& id) {
    return make_port<VirtSerialPort>(config, false, env, id);
}

Result<std::unique_ptr<VirtConsole>> VirtConsole::create(const Config& config, DeviceEnv& env,
                                                         const std::string& id) {
    return make_port<VirtConsole>(config, true, env, id);
}

SerialPort::~SerialPort() {
    if (chardev_ != nullptr) chardev_->detach(*this);
}

Status SerialPort::take_chardev(DeviceEnv& env) {
    reports_ = env.back_ends().reports();
    if (config_.chardev.empty()) return {};
    Chardev* chardev = TRY(env.back_ends().chardev(config_.chardev, std::string(type())));
    TRY(chardev->attach(*this));
    chardev_ = chardev;
    return {};
}

void SerialPort::joined(Serial& serial, uint32_t number) {
    serial_ = &serial;
    number_ = number;
    guest_open_ = false;
}

void SerialPort::left() {
    if (filling_.outstanding()) serial_->receive_queue(number_).unpop(filling_);
    if (sending_.outstanding()) serial_->transmit_queue(number_).complete(sending_, 0);
    serial_ = nullptr;
}

void SerialPort::guest_opened(bool open) {
    if (open != guest_open_ && reports_ != nullptr && !id().empty()) reports_->port_opened(id(), open);
    guest_open_ = open;
    if (open && chardev_ != nullptr) chardev_->accept_input();
}

void SerialPort::queue_stopped() {
    if (serial_ == nullptr) return;
    Queue& in = serial_->receive_queue(number_);
    if (filling_.outstanding() && in.stale(filling_)) in.discard(filling_);
    Queue& out = serial_->transmit_queue(number_);
    if (sending_.outstanding() && out.stale(sending_)) out.discard(sending_);
}

// ---- to the guest ----

// A driver without the multiport feature never says that it opened its only port.
bool SerialPort::have_room() {
    if (serial_ == nullptr || !serial_->driver_runs()) return false;
    if (!guest_open_ && serial_->multiport()) return false;
    if (filling_.outstanding()) return true;
    Queue& queue = serial_->receive_queue(number_);
    while (queue.pop(filling_)) {
        if (filling_.writable_bytes() != 0) return true;
        queue.complete(filling_, 0);
    }
    return false;
}

size_t SerialPort::room() {
    if (!have_room()) return 0;
    return static_cast<size_t>(std::min<uint64_t>(filling_.writable_bytes(), kMostToGuest));
}

void SerialPort::receive(std::span<const uint8_t> bytes) {
    while (!bytes.empty() && have_room()) {
        Queue& queue = serial_->receive_queue(number_);
        const auto count = std::min<uint64_t>(bytes.size(), filling_.writable_bytes());
        const auto written = copy_to(queue.memory(), filling_.writable(), 0, bytes.first(count));
        queue.complete(filling_, written.value_or(0));
        bytes = bytes.subspan(count);
    }
}

void SerialPort::buffers_to_fill() {
    if (chardev_ == nullptr || serial_ == nullptr) return;
    // Told again only when there is no room left: what is used up is asked for by room().
    (void)serial_->receive_queue(number_).set_notify(true);
    if (have_room()) chardev_->accept_input();
}

void SerialPort::char_event(CharEvent event) {
    if (serial_ == nullptr || console_) return;
    if (event == CharEvent::Opened) serial_->tell(number_, PortEvent::PortOpen, 1);
    if (event == CharEvent::Closed) serial_->tell(number_, PortEvent::PortOpen, 0);
}

// ---- from the guest ----

void SerialPort::buffers_to_send() {
    if (serial_ == nullptr) return;
    Queue& queue = serial_->transmit_queue(number_);
    serve(queue, [&] { return send_one(queue); });
}

Served SerialPort::send_one(Queue& queue) {
    if (!sending_.outstanding()) {
        if (!queue.pop(sending_)) return Served::None;
        sent_ = 0;
    }
    const uint64_t end = std::min(sending_.readable_bytes(), sent_ + kMostFromGuest);
    std::array<uint8_t, 4096> bytes;
    while (sent_ < end && chardev_ != nullptr) {
        const auto piece = std::span(bytes).first(std::min<uint64_t>(bytes.size(), end - sent_));
        if (!copy_from(queue.memory(), sending_.readable(), sent_, piece)) {
            sent_ = sending_.readable_bytes();
            break;
        }
        const size_t taken = chardev_->write(piece);
        sent_ += taken;
        // writable() comes when it takes more.
        if (taken < piece.size()) return Served::Paused;
    }
    if (chardev_ != nullptr && sent_ < sending_.readable_bytes()) {
        queue.kick();
        return Served::Paused;
    }
    queue.complete(sending_, 0);
    return Served::One;
}

void SerialPort::emergency(uint8_t byte) {
    if (chardev_ != nullptr) (void)chardev_->write({&byte, 1});
}

}  // namespace vmm::virtio
