// Serial: the console device with its ports, each a stream of bytes to and from a character device; ports are
// devices of their own on its bus (virtserialport, virtconsole). Virtio 1.2, 5.3.
//
// Missing: console resizing. Threads: everything but the base class's side runs on the main loop.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "hw/core/bus.h"
#include "hw/core/device_type.h"
#include "hw/virtio/device.h"
#include "hw/virtio/pci_transport.h"

namespace vmm::virtio {

class Serial;
class SerialPort;

struct SerialConfig {
    uint32_t max_ports = 31;
    bool emergency_write = true;
};

// Where ports are plugged in.
class SerialBus final : public DeviceBus {
  public:
    SerialBus(std::string name, Serial& serial)
        : DeviceBus(std::move(name), "virtio-serial-bus"), serial_(serial) {}
    bool hotpluggable() const override { return true; }

  private:
    Status plug_in(vmm::Device& device) override;
    void take_out(vmm::Device& device) override;
    Serial& serial_;
};

// Control messages.
enum class PortEvent : uint16_t {
    DeviceReady = 0,
    PortAdd = 1,
    PortRemove = 2,
    PortReady = 3,
    ConsolePort = 4,
    Resize = 5,
    PortOpen = 6,
    PortName = 7,
};

class Serial final : public Device {
  public:
    static Result<std::unique_ptr<Serial>> create(const SerialConfig& config, DeviceEnv& env,
                                                  const std::string& id);
    Serial(const SerialConfig& config, DeviceEnv& env, std::string bus_name);
    ~Serial() override;
    std::span<DeviceBus* const> buses() override { return buses_; }

    // For the bus and the ports; main thread.
    Status add(SerialPort& port);
    void remove(SerialPort& port);
    void tell(uint32_t port, PortEvent event, uint16_t value, std::string_view text = {});
    bool multiport() const;
    bool driver_runs() const { return running(); }
    Queue& receive_queue(uint32_t port) { return queue(port == 0 ? 0 : 2 * port + 2); }
    Queue& transmit_queue(uint32_t port) { return queue(port == 0 ? 1 : 2 * port + 3); }

  private:
    void handle(Queue& queue) override;
    void started() override;
    void queue_stopped(Queue& queue) override;
    void was_reset() override;
    void config_written(size_t offset, std::span<const uint8_t> bytes) override;

    Result<uint32_t> choose_number(const SerialPort& port) const;
    Served take_control(Queue& queue);
    void control(uint32_t port, PortEvent event, uint16_t value);
    void announce_all();
    void introduce(SerialPort& port);
    void send_controls();
    void driver_gone();
    SerialPort* port_of(const Queue& queue);

    const SerialConfig config_;
    SerialBus bus_;
    std::array<DeviceBus*, 1> buses_{&bus_};
    std::vector<SerialPort*> ports_;             // by number; null: free
    std::deque<std::vector<uint8_t>> controls_;  // on their way to the driver
    bool driver_listens_ = false;                // it said DeviceReady
    Chain chain_;
};

// virtio-serial-pci
class SerialPci {
  public:
    struct Config : PciConfig, SerialConfig {};
    static constexpr auto kProps = join_props(
        pci_props<Config>(),
        std::array{prop<Config, &SerialConfig::max_ports>("max_ports", "the most ports it can have"),
                   prop<Config, &SerialConfig::emergency_write>("emergency-write", "output without queues")});
    static constexpr DeviceInfo kInfo = {.name = "virtio-serial-pci",
                                         .parent = "virtio-pci",
                                         .bus = "PCI",
                                         .description = "virtio console and serial ports",
                                         .category = DeviceCategory::Input,
                                         .alias = "virtio-serial"};
    static Status check(const Config& config);
    static Result<std::unique_ptr<PciTransport>> create(const Config& config, DeviceEnv& env,
                                                        const std::string& id);
};

}  // namespace vmm::virtio
