// The console device: its ports and the control queues; see serial.h.
#include "hw/virtio/serial.h"

#include <algorithm>

#include "hw/core/device_env.h"
#include "hw/virtio/serial_port.h"
#include "util/log.h"

namespace vmm::virtio {

namespace {

// Features and configuration. Virtio 1.2, 5.3.3 and 5.3.4.
constexpr uint64_t kMultiport = bit(1), kEmergencyWrite = bit(2);
constexpr size_t kMaxPortsAt = 4, kEmergencyAt = 8, kConfigSize = 12;

constexpr unsigned kControlIn = 2, kControlOut = 3;
constexpr uint16_t kDataQueueSize = 128, kControlQueueSize = 32;
constexpr uint32_t kMostPorts = kMaxQueueSize / 2 - 1;
// Beyond this a driver that takes no control messages loses them.
constexpr size_t kMostControls = 4096;

struct ControlMessage {
    Le32 port;
    Le16 event;
    Le16 value;
};

}  // namespace

Status SerialBus::plug_in(vmm::Device& device) {
    SerialPort* port = device.as_virtio_port();
    CHECK(port != nullptr, "a device on a virtio-serial bus that is no port");
    return serial_.add(*port);
}

void SerialBus::take_out(vmm::Device& device) {
    serial_.remove(*device.as_virtio_port());
}

Result<std::unique_ptr<Serial>> Serial::create(const SerialConfig& config, DeviceEnv& env,
                                               const std::string& id) {
    auto device = std::make_unique<Serial>(config, env, id.empty() ? "virtio-serial-bus.0" : id + ".0");
    std::vector<uint16_t> sizes((config.max_ports + 1) * 2, kDataQueueSize);
    sizes[kControlIn] = sizes[kControlOut] = kControlQueueSize;
    TRY(device->make_queues(sizes));
    return device;
}

Serial::Serial(const SerialConfig& config, DeviceEnv& env, std::string bus_name)
    : Device({.id = DeviceId::Console,
              .name = "virtio-serial",
              .features =
                  (config.max_ports > 1 ? kMultiport : 0) | (config.emergency_write ? kEmergencyWrite : 0),
              .config_size = config.emergency_write ? kConfigSize : kEmergencyAt},
             env.dma(), env.loop()),
      config_(config),
      bus_(std::move(bus_name), *this),
      ports_(config.max_ports) {
    set_config_field<uint32_t>(kMaxPortsAt, config.max_ports);
}

Serial::~Serial() = default;

bool Serial::multiport() const {
    return has(kMultiport);
}

// ---- ports ----

// 0 is for the first console, as drivers without the multiport feature have that port only.
Result<uint32_t> Serial::choose_number(const SerialPort& port) const {
    const std::optional<uint32_t> wanted = port.config().nr;
    if (wanted && *wanted >= ports_.size())
        return Error::make("virtio-serial-bus: Out-of-range port id specified, max. allowed: %zu",
                           ports_.size() - 1);
    if (wanted && *wanted == 0 && !port.console())
        return Error::make(
            "Port number 0 on virtio-serial devices reserved for virtconsole devices for backward "
            "compatibility.");
    if (wanted && ports_[*wanted] != nullptr)
        return Error::make("virtio-serial-bus: A port already exists at id %u", *wanted);
    if (wanted) return *wanted;
    for (uint32_t i = port.console() ? 0 : 1; i < ports_.size(); ++i)
        if (ports_[i] == nullptr) return i;
    return Error::make("virtio-serial-bus: Maximum port limit for this device reached");
}

Status Serial::add(SerialPort& port) {
    const std::string& name = port.config().name;
    for (const SerialPort* other : ports_)
        if (other != nullptr && !name.empty() && other->config().name == name)
            return Error::make("virtio-serial-bus: A port already exists by name %s", name.c_str());
    const uint32_t number = TRY(choose_number(port));
    ports_[number] = &port;
    port.joined(*this, number);
    if (driver_listens_) tell(number, PortEvent::PortAdd, 1);
    return {};
}

void Serial::remove(SerialPort& port) {
    const uint32_t number = port.number();
    if (driver_listens_) tell(number, PortEvent::PortRemove, 1);
    ports_[number] = nullptr;
    port.left();
}

SerialPort* Serial::port_of(const Queue& queue) {
    const unsigned number = queue.index() < 2 ? 0 : queue.index() / 2 - 1;
    return number < ports_.size() ? ports_[number] : nullptr;
}

// ---- queues ----

void Serial::handle(Queue& queue) {
    if (queue.index() == kControlIn) return send_controls();
    if (queue.index() == kControlOut) return serve(queue, [&] { return take_control(queue); });
    SerialPort* port = port_of(queue);
    const bool to_guest = queue.index() % 2 == 0;
    if (to_guest) {
        if (port != nullptr) port->buffers_to_fill();
        return;
    }
    if (port != nullptr) return port->buffers_to_send();
    // Nobody is there: what the guest sends is lost.
    serve(queue, [&] {
        if (!queue.pop(chain_)) return Served::None;
        queue.complete(chain_, 0);
        return Served::One;
    });
}

Served Serial::take_control(Queue& queue) {
    if (!queue.pop(chain_)) return Served::None;
    ControlMessage message;
    const auto got = copy_from(queue.memory(), chain_.readable(), 0, writable_bytes_of(message));
    queue.complete(chain_, 0);
    if (got == sizeof message)
        control(message.port, static_cast<PortEvent>(uint16_t{message.event}), message.value);
    else
        log_guest_error("virtio-serial: a control message of %zu bytes", got.value_or(0));
    return Served::One;
}

void Serial::control(uint32_t number, PortEvent event, uint16_t value) {
    if (event == PortEvent::DeviceReady) {
        if (value == 0)
            log_guest_error("virtio-serial: the guest could not add the device");
        else
            announce_all();
        return;
    }
    SerialPort* port = number < ports_.size() ? ports_[number] : nullptr;
    if (port == nullptr) {
        log_guest_error("virtio-serial: a control message for port %u, which is not there", number);
        return;
    }
    switch (event) {
        case PortEvent::PortReady:
            if (value == 0)
                log_guest_error("virtio-serial: the guest could not add port %u", number);
            else
                introduce(*port);
            break;
        case PortEvent::PortOpen:
            port->guest_opened(value != 0);
            break;
        default:
            log_guest_error("virtio-serial: control message %u", static_cast<unsigned>(event));
            break;
    }
}

void Serial::announce_all() {
    driver_listens_ = true;
    for (const SerialPort* port : ports_)
        if (port != nullptr) tell(port->number(), PortEvent::PortAdd, 1);
}

void Serial::introduce(SerialPort& port) {
    const uint32_t number = port.number();
    if (port.console()) tell(number, PortEvent::ConsolePort, 1);
    if (!port.config().name.empty()) {
        // With its final zero.
        std::string name = port.config().name;
        name.push_back('\0');
        tell(number, PortEvent::PortName, 1, name);
    }
    if (port.host_connected()) tell(number, PortEvent::PortOpen, 1);
}

void Serial::tell(uint32_t port, PortEvent event, uint16_t value, std::string_view text) {
    if (!running() || !multiport() || controls_.size() >= kMostControls) return;
    const ControlMessage message{port, static_cast<uint16_t>(event), value};
    std::vector<uint8_t> bytes(bytes_of(message).begin(), bytes_of(message).end());
    bytes.insert(bytes.end(), text.begin(), text.end());
    controls_.push_back(std::move(bytes));
    send_controls();
}

void Serial::send_controls() {
    Queue& queue = this->queue(kControlIn);
    while (!controls_.empty()) {
        if (!queue.pop(chain_)) {
            if (!queue.set_notify(true)) return;
            continue;
        }
        const auto written = copy_to(queue.memory(), chain_.writable(), 0, controls_.front());
        queue.complete(chain_, written.value_or(0));
        controls_.pop_front();
    }
}

// ---- start and stop ----

void Serial::started() {
    on_main_loop([this] {
        for (SerialPort* port : ports_)
            if (port != nullptr) port->buffers_to_fill();
    });
}

void Serial::queue_stopped(Queue& queue) {
    on_main_loop([this, &queue] {
        SerialPort* port = port_of(queue);
        if (port != nullptr && queue.index() != kControlIn && queue.index() != kControlOut)
            port->queue_stopped();
    });
}

void Serial::was_reset() {
    on_main_loop([this] { driver_gone(); });
}

void Serial::driver_gone() {
    // A driver that came back meanwhile has not said anything yet, or says it again.
    if (running()) return;
    driver_listens_ = false;
    controls_.clear();
    for (SerialPort* port : ports_)
        if (port != nullptr) port->guest_opened(false);
}

void Serial::config_written(size_t offset, std::span<const uint8_t> bytes) {
    if (offset != kEmergencyAt || bytes[0] == 0) return;
    on_main_loop([this, byte = bytes[0]] {
        for (SerialPort* port : ports_) {
            if (port == nullptr || !port->console()) continue;
            port->emergency(byte);
            return;
        }
    });
}

// ---- on PCI ----

Status SerialPci::check(const Config& config) {
    if (config.max_ports == 0 || config.max_ports > kMostPorts)
        return Error::make("max_ports=%u: 1 to %u", config.max_ports, kMostPorts);
    return check_pci_config(config);
}

Result<std::unique_ptr<PciTransport>> SerialPci::create(const Config& config, DeviceEnv& env,
                                                        const std::string& id) {
    const PciKind kind = {
        .type = kInfo.name, .class_code = 0x078000, .legacy_id = 0x1003, .vectors = config.max_ports + 1};
    return PciTransport::create(kind, config, env, TRY(Serial::create(config, env, id)), id);
}

}  // namespace vmm::virtio
