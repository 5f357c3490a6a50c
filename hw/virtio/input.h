// Input: a keyboard, mouse or tablet in the terms of Linux's evdev. Virtio 1.2, 5.8. Whoever has events to
// give (a display, a management command) calls send().
//
// Missing: force feedback, multi-touch. Main loop.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "hw/core/device_type.h"
#include "hw/virtio/device.h"
#include "hw/virtio/pci_transport.h"

namespace vmm::virtio {

struct InputConfig {
    std::string serial;
    bool wheel_axis = true;  // mouse and tablet: the wheel is an axis, not two buttons
};

enum class InputKind : uint8_t { Keyboard, Mouse, Tablet };

struct InputEvent {
    Le16 type;
    Le16 code;
    Le32 value;
};

class Input final : public Device {
  public:
    static Result<std::unique_ptr<Input>> create(InputKind kind, const InputConfig& config, DeviceEnv& env);
    Input(InputKind kind, const InputConfig& config, DeviceEnv& env);

    // One group of events, with its SYN_REPORT at the end; lost as a whole when the driver has no room for
    // it.
    void send(std::span<const InputEvent> events);
    // Lights that the driver turned on, by LED code.
    uint32_t lights() const { return lights_; }

  private:
    void handle(Queue& queue) override;
    void config_written(size_t offset, std::span<const uint8_t> bytes) override;
    void was_reset() override;
    void show_selected();
    std::vector<uint8_t> item(uint8_t select, uint8_t subselect) const;

    const InputKind kind_;
    const InputConfig config_;
    std::atomic<uint8_t> select_{0}, subselect_{0};
    uint32_t lights_ = 0;
    std::vector<std::unique_ptr<Chain>> chains_;
    Chain status_;
};

template <InputKind kind>
class InputPci {
    static constexpr std::array<DeviceInfo, 3> kInfos = {DeviceInfo{.name = "virtio-keyboard-pci",
                                                                    .parent = "virtio-input-hid-pci",
                                                                    .bus = "PCI",
                                                                    .description = "virtio keyboard",
                                                                    .category = DeviceCategory::Input,
                                                                    .alias = "virtio-keyboard"},
                                                         DeviceInfo{.name = "virtio-mouse-pci",
                                                                    .parent = "virtio-input-hid-pci",
                                                                    .bus = "PCI",
                                                                    .description = "virtio mouse",
                                                                    .category = DeviceCategory::Input,
                                                                    .alias = "virtio-mouse"},
                                                         DeviceInfo{.name = "virtio-tablet-pci",
                                                                    .parent = "virtio-input-hid-pci",
                                                                    .bus = "PCI",
                                                                    .description = "virtio tablet",
                                                                    .category = DeviceCategory::Input,
                                                                    .alias = "virtio-tablet"}};
    static constexpr std::array<uint32_t, 3> kClasses = {0x090000, 0x090200, 0x098000};

  public:
    struct Config : PciConfig, InputConfig {};
    static constexpr auto kProps =
        join_props(pci_props<Config>(), std::array{prop<Config, &InputConfig::serial>("serial"),
                                                   prop<Config, &InputConfig::wheel_axis>("wheel-axis")});
    static constexpr DeviceInfo kInfo = kInfos[static_cast<size_t>(kind)];
    static Status check(const Config& config) { return check_pci_config(config); }
    static Result<std::unique_ptr<PciTransport>> create(const Config& config, DeviceEnv& env,
                                                        const std::string& id) {
        static constexpr PciKind kPci = {.type = kInfo.name,
                                         .class_code = kClasses[static_cast<size_t>(kind)],
                                         .legacy_id = 0,
                                         .vectors = 2};
        return PciTransport::create(kPci, config, env, TRY(Input::create(kind, config, env)), id);
    }
};

}  // namespace vmm::virtio
