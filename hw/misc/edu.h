// Edu (edu, 1234:11e8): a device to learn and to test drivers with: a number inverted, a factorial computed
// aside, an interrupt raised at will, and copies between guest memory and a buffer of 4 KiB at 0x40000 of its
// own, a moment after they are asked for. Public interface: QEMU's docs/specs/edu.
//
// Thread: registers by any vCPU, the work in the main loop; the function's mutex guards all.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "hw/core/device_type.h"
#include "hw/pci/function.h"
#include "hw/pci/function_config.h"
#include "hw/pci/requester.h"
#include "system/clock/clock.h"
#include "system/memory/dma_space.h"
#include "system/memory/region.h"
#include "system/memory/region_ops.h"

namespace vmm {

class Edu final : public pci::Function, private IoOps {
    struct Token {};

  public:
    struct Config : pci::FunctionConfig {
        uint64_t dma_mask = (uint64_t{1} << 28) - 1;
    };
    static constexpr auto kProps =
        join_props(pci::function_props<Config>(),
                   std::array{prop<Config, &Config::dma_mask>("dma_mask", "the address bits of its copies")});
    static constexpr DeviceInfo kInfo = {.name = "edu",
                                         .parent = "pci-device",
                                         .bus = "PCI",
                                         .description = "a device to learn writing drivers with",
                                         .category = DeviceCategory::Misc};
    static Result<std::unique_ptr<Edu>> create(const Config& values, DeviceEnv& env, const std::string& id);
    Edu(Token, const Config& values, DeviceEnv& env, const std::string& id);
    ~Edu() override;
    std::string_view type() const override { return kInfo.name; }
    void reset_enter() override;

    static constexpr uint64_t kBarSize = 1 << 20;
    static constexpr uint64_t kBuffer = 0x40000, kBufferSize = 4096;

  private:
    enum Register : uint64_t {
        kId = 0x00,
        kInverted = 0x04,
        kFactorial = 0x08,
        kStatus = 0x20,
        kInterruptStatus = 0x24,
        kRaise = 0x60,
        kAcknowledge = 0x64,
        kSource = 0x80,
        kTarget = 0x88,
        kCount = 0x90,
        kCommand = 0x98,
    };
    uint64_t read(uint64_t offset, unsigned size) override;
    void write(uint64_t offset, uint64_t value, unsigned size) override;
    IoSizes sizes() const override { return {4, 8, 4, 8, false}; }

    uint64_t* copy_register(uint64_t offset) REQUIRES(mutex());
    // Bits of the interrupt status come and go; true: a message is due.
    bool change_interrupts(uint32_t set, uint32_t clear) REQUIRES(mutex());
    void compute();  // in the main loop
    void copy();     // when its time has come
    bool do_copy(uint64_t source, uint64_t target, uint64_t count, bool to_guest);

    const uint64_t mask_;
    Clock& clock_;
    pci::Requester requester_{*this};
    DmaSpace dma_;
    const std::unique_ptr<Timer> compute_timer_, copy_timer_;
    uint32_t inverted_ GUARDED_BY(mutex()) = 0;
    uint32_t factorial_ GUARDED_BY(mutex()) = 0;
    uint32_t status_ GUARDED_BY(mutex()) = 0;
    uint32_t interrupts_ GUARDED_BY(mutex()) = 0;
    uint64_t source_ GUARDED_BY(mutex()) = 0, target_ GUARDED_BY(mutex()) = 0;
    uint64_t count_ GUARDED_BY(mutex()) = 0, command_ GUARDED_BY(mutex()) = 0;
    std::array<uint8_t, kBufferSize> buffer_{};  // the main loop's
    MemoryRegion bar_ = MemoryRegion::io("edu-mmio", kBarSize, *this);
};

}  // namespace vmm
