// DebugExit (isa-debug-exit): a write of v ends the process with status (v << 1) | 1, for test programs that
// run as guests. Spec: none, a convention of virtual machines. Missing: nothing. Thread: any, no lock.
#pragma once

#include <memory>

#include "hw/core/device.h"
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

    DebugExit(Token, const Config& config, MachineRequests& requests, std::string id)
        : Device(std::move(id)), config_(config), requests_(requests) {}
    static Result<std::unique_ptr<DebugExit>> create(const Config& config, MachineRequests& requests,
                                                     std::string id = {});

    std::string_view type() const override { return "isa-debug-exit"; }
    const Config& config() const { return config_; }
    uint64_t read(uint64_t, unsigned) override { return 0; }
    void write(uint64_t offset, uint64_t value, unsigned size) override;
    IoSizes sizes() const override { return {1, 4, 1, 4, true}; }

  private:
    const Config config_;
    MachineRequests& requests_;
};

}  // namespace vmm
