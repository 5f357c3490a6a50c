// DebugExit (isa-debug-exit): a write of v ends the process with status (v << 1) | 1, for test programs that
// run as guests. Spec: none, a convention of virtual machines. Missing: nothing. Thread: any, no lock.
#pragma once

#include <array>
#include <memory>

#include "hw/core/device_type.h"
#include "system/memory/region_ops.h"
#include "system/run/requests.h"
#include "util/result.h"

namespace vmm {

class DebugExit final : public Device, public IoOps {
    struct Token {};

  public:
    struct Config {
        uint32_t iobase = 0x501;
        uint32_t iosize = 2;
    };
    static constexpr std::array kProps = {
        prop<Config, &Config::iobase>("iobase", "its first port"),
        prop<Config, &Config::iosize>("iosize", "how many ports it has, up to 8")};
    static constexpr DeviceInfo kInfo = {.name = "isa-debug-exit",
                                         .parent = "isa-device",
                                         .bus = "ISA",
                                         .description = "a write of N ends the process with status 2N+1",
                                         .hotpluggable = false};
    static Status check(const Config& config);
    static Result<std::unique_ptr<DebugExit>> create(const Config& config, DeviceEnv& env,
                                                     const std::string& id);

    DebugExit(Token, const Config& config, MachineRequests& requests, std::string id);
    std::span<const PortWindow> ports() override { return {&window_, 1}; }
    std::string_view type() const override { return "isa-debug-exit"; }
    const Config& config() const { return config_; }
    uint64_t read(uint64_t, unsigned) override { return 0; }
    void write(uint64_t offset, uint64_t value, unsigned size) override;
    IoSizes sizes() const override { return {1, 4, 1, 4, true}; }

  private:
    const Config config_;
    MachineRequests& requests_;
    const PortWindow window_;
};

}  // namespace vmm
