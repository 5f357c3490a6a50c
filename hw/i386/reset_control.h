// The ICH9's reset control register, port 0xcf9. The port lies inside CONFIG_ADDRESS, which only doublewords
// reach; the bytes go here: the board gives this to pci::ConfigPorts. Every kind of reset it knows is a reset
// of the whole machine. ICH9 datasheet, 13.7.5.
// Thread: any; one byte, atomic.
#pragma once

#include <atomic>
#include <cstdint>

#include "system/memory/region_ops.h"

namespace vmm {

class MachineRequests;

class ResetControl final : public IoOps {
  public:
    static constexpr uint64_t kOffset = 1;  // from port 0xcf8

    explicit ResetControl(MachineRequests& requests) : requests_(requests) {}  // borrowed

    // Bytes by offset from port 0xcf8; others read as all ones.
    uint64_t read(uint64_t offset, unsigned size) override;
    void write(uint64_t offset, uint64_t value, unsigned size) override;
    IoSizes sizes() const override { return {.accepted_max = 4, .implemented_max = 1}; }
    void reset() { kind_.store(0, std::memory_order_relaxed); }

  private:
    MachineRequests& requests_;
    std::atomic<uint8_t> kind_{0};  // SYS_RST and FULL_RST
};

}  // namespace vmm
