// PvPanic (isa pvpanic): a port by which a guest kernel says that it panicked. Reading tells which events are
// understood. Spec: docs/specs/pvpanic of QEMU (public interface): bit 0 panicked, bit 1 crash kernel loaded,
// bit 2 shut down. Missing: nothing. Thread: any, no lock.
#pragma once

#include "hw/core/device.h"
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
    static constexpr uint64_t kSize = 1;

    PvPanic(const Config& config, MachineRequests& requests, std::string id = {})
        : Device(std::move(id)), config_(config), requests_(requests) {}
    std::string_view type() const override { return "pvpanic"; }
    const Config& config() const { return config_; }
    uint64_t read(uint64_t, unsigned) override { return config_.events; }
    void write(uint64_t offset, uint64_t value, unsigned size) override;
    IoSizes sizes() const override { return {1, 1, 1, 1, false}; }

  private:
    const Config config_;
    MachineRequests& requests_;
};

}  // namespace vmm
