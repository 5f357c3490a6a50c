// PvPanic (isa pvpanic): a port by which a guest kernel says that it panicked. Reading tells which events are
// understood. Spec: docs/specs/pvpanic of QEMU (public interface): bit 0 panicked, bit 1 crash kernel loaded,
// bit 2 shut down. Missing: nothing. Thread: any, no lock.
#pragma once

#include <array>
#include <memory>

#include "hw/core/device_type.h"
#include "system/memory/region_ops.h"
#include "system/run/requests.h"

namespace vmm {

class PvPanic final : public Device, public IoOps {
  public:
    enum Event : uint8_t { kPanicked = 1, kCrashLoaded = 2, kShutdown = 4 };
    struct Config {
        uint16_t ioport = 0x505;
        uint8_t events = kPanicked | kCrashLoaded;
    };
    static constexpr std::array kProps = {
        prop<Config, &Config::ioport>("ioport", "its port"),
        prop<Config, &Config::events>("events",
                                      "what the guest may report: 1 panicked, 2 crash kernel loaded")};
    static constexpr DeviceInfo kInfo = {.name = "pvpanic",
                                         .parent = "isa-device",
                                         .bus = "ISA",
                                         .description = "a port by which a guest says that it panicked",
                                         .hotpluggable = false};
    static constexpr uint64_t kSize = 1;
    static Result<std::unique_ptr<PvPanic>> create(const Config& config, DeviceEnv& env,
                                                   const std::string& id) {
        return std::make_unique<PvPanic>(config, env.requests(), id);
    }

    PvPanic(const Config& config, MachineRequests& requests, std::string id = {})
        : Device(std::move(id)),
          config_(config),
          requests_(requests),
          window_{"pvpanic", config.ioport, kSize, this} {}
    std::string_view type() const override { return "pvpanic"; }
    const Config& config() const { return config_; }
    std::span<const PortWindow> ports() override { return {&window_, 1}; }
    uint64_t read(uint64_t, unsigned) override { return config_.events; }
    void write(uint64_t offset, uint64_t value, unsigned size) override;
    IoSizes sizes() const override { return {1, 1, 1, 1, false}; }

  private:
    const Config config_;
    MachineRequests& requests_;
    const PortWindow window_;
};

}  // namespace vmm
