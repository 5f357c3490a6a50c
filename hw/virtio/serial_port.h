// SerialPort: one port of a virtio console device (serial.h), between two queues and a character device. Main
// loop only.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "backends/chardev/chardev.h"
#include "hw/core/device_reports.h"
#include "hw/core/device_type.h"
#include "hw/virtio/chain.h"
#include "hw/virtio/queue.h"

namespace vmm::virtio {

class Serial;

class SerialPort : public vmm::Device, private CharClient {
  public:
    struct Config {
        std::string chardev;
        std::string name;
        std::optional<uint32_t> nr;  // absent: the first free one
    };
    static constexpr std::array kProps = {
        prop<Config, &Config::chardev>("chardev", "id of the character device behind it"),
        prop<Config, &Config::name>("name", "by which the guest finds it"),
        prop<Config, &Config::nr>("nr", "its number"),
    };
    SerialPort(Config config, bool console, std::string id)
        : vmm::Device(std::move(id)), config_(std::move(config)), console_(console) {}
    ~SerialPort() override;
    Status take_chardev(DeviceEnv& env);

    SerialPort* as_virtio_port() override { return this; }
    const Config& config() const { return config_; }
    bool console() const { return console_; }
    bool host_connected() const { return console_ || (chardev_ != nullptr && chardev_->connected()); }

    // ---- for Serial ----
    uint32_t number() const { return number_; }
    void joined(Serial& serial, uint32_t number);
    void left();
    void guest_opened(bool open);
    void buffers_to_fill();
    void buffers_to_send();
    // The queue was stopped: what is kept of it goes back.
    void queue_stopped();
    void emergency(uint8_t byte);

  private:
    size_t room() override;
    void receive(std::span<const uint8_t> bytes) override;
    void char_event(CharEvent event) override;
    void writable() override { buffers_to_send(); }
    bool frontend_open() const override { return console_ || guest_open_; }

    bool have_room();
    Served send_one(Queue& queue);

    const Config config_;
    const bool console_;
    Chardev* chardev_ = nullptr;
    Serial* serial_ = nullptr;
    uint32_t number_ = 0;
    bool guest_open_ = false;
    DeviceReports* reports_ = nullptr;  // outlives the port
    Chain filling_;                     // being filled with what came
    Chain sending_;                     // not all of it was taken yet
    uint64_t sent_ = 0;                 // of sending_
};

class VirtSerialPort final : public SerialPort {
  public:
    using SerialPort::SerialPort;
    static constexpr DeviceInfo kInfo = {.name = "virtserialport",
                                         .parent = "virtio-serial-port",
                                         .bus = "virtio-serial-bus",
                                         .description = "port of a virtio serial device",
                                         .category = DeviceCategory::Input};
    std::string_view type() const override { return kInfo.name; }
    static Result<std::unique_ptr<VirtSerialPort>> create(const Config& config, DeviceEnv& env,
                                                          const std::string& id);
};

class VirtConsole final : public SerialPort {
  public:
    using SerialPort::SerialPort;
    static constexpr DeviceInfo kInfo = {.name = "virtconsole",
                                         .parent = "virtio-serial-port",
                                         .bus = "virtio-serial-bus",
                                         .description = "console of a virtio serial device",
                                         .category = DeviceCategory::Input};
    std::string_view type() const override { return kInfo.name; }
    static Result<std::unique_ptr<VirtConsole>> create(const Config& config, DeviceEnv& env,
                                                       const std::string& id);
};

}  // namespace vmm::virtio
