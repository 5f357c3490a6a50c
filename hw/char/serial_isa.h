// SerialIsa (isa-serial): a 16550A serial port on the ISA bus, at one of the four places that PCs have for
// them or elsewhere. The chip is uart16550.h; this is where it sits and what it is connected to.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "hw/char/uart16550.h"
#include "hw/core/device_type.h"

namespace vmm {

class SerialIsa final : public Device {
    struct Token {};

  public:
    static constexpr unsigned kMostPorts = 4;

    struct Config {
        std::optional<uint32_t> index;  // 0..3: COM1..COM4; absent: the first that is free
        std::optional<uint32_t> iobase;
        std::optional<uint32_t> irq;
        std::string chardev;
        uint32_t wakeup = 0;
    };
    static constexpr std::array kProps = {
        prop<Config, &Config::index>("index", "which of COM1 to COM4 it is, from 0 (default: the next one)"),
        prop<Config, &Config::iobase>("iobase", "its first port (default: by index)"),
        prop<Config, &Config::irq>("irq", "its interrupt (default: by index)"),
        prop<Config, &Config::chardev>("chardev", "id of its chardev"),
        prop<Config, &Config::wakeup>("wakeup", "not used; accepted for old command lines")};
    static constexpr DeviceInfo kInfo = {.name = "isa-serial",
                                         .parent = "isa-device",
                                         .bus = "ISA",
                                         .description = "a 16550A serial port",
                                         .category = DeviceCategory::Input,
                                         .hotpluggable = false};
    static Status check(const Config& config);
    static Result<std::unique_ptr<SerialIsa>> create(const Config& config, DeviceEnv& env,
                                                     const std::string& id);

    SerialIsa(Token, uint16_t port, uint8_t irq, std::unique_ptr<Uart16550> uart, std::string id);
    std::string_view type() const override { return "isa-serial"; }
    std::span<const PortWindow> ports() override { return {&window_, 1}; }
    void reset_hold() override { uart_->reset_hold(); }
    uint16_t port() const { return window_.first; }
    uint8_t irq() const { return irq_; }

  private:
    const uint8_t irq_;
    const std::unique_ptr<Uart16550> uart_;
    const PortWindow window_;
};

}  // namespace vmm
