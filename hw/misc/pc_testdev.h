// PcTestDev (pc-testdev): what kvm-unit-tests want of a PC: ports that keep what is written (0xe0 as
// doublewords, words or bytes, 0xe8 bytes), a port that makes the host let go of a guest page (0xe4), ports
// 0x2000-0x2017 that set the level of an ISA interrupt, and 64 KiB at 0xff000000 that behave as memory.
// Spec: none, a convention of those tests.
// Missing: levels of interrupts above 15. Thread: any; lock: one, rank Device.
#pragma once

#include <array>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "hw/core/device_type.h"
#include "hw/isa/member_ops.h"
#include "system/irq/line.h"
#include "system/memory/region.h"
#include "util/mutex.h"

namespace vmm {

class PcTestDev final : public Device {
    struct Token {};

  public:
    struct Config {};
    static constexpr std::array<Property, 0> kProps = {};
    static constexpr DeviceInfo kInfo = {.name = "pc-testdev",
                                         .parent = "isa-device",
                                         .bus = "ISA",
                                         .description = "ports and memory for test programs",
                                         .category = DeviceCategory::Misc,
                                         .hotpluggable = false};
    static Result<std::unique_ptr<PcTestDev>> create(const Config&, DeviceEnv& env, const std::string& id);
    PcTestDev(Token, DeviceEnv& env, const std::string& id);
    ~PcTestDev() override;

    std::string_view type() const override { return kInfo.name; }
    std::span<const PortWindow> ports() override { return windows_; }
    Status plugged() override;
    void unplugging() override;

    static constexpr uint64_t kMemoryAddress = 0xff000000, kMemorySize = 0x10000;
    static constexpr unsigned kInterrupts = 16, kInterruptPorts = 24;

  private:
    uint64_t read_latch(uint64_t offset, unsigned size);
    void write_latch(uint64_t offset, uint64_t value, unsigned size);
    uint64_t read_nothing(uint64_t, unsigned) { return 0; }
    void drop_page(uint64_t offset, uint64_t value, unsigned size);
    void set_interrupt(uint64_t offset, uint64_t value, unsigned size);
    uint64_t read_memory(uint64_t offset, unsigned size);
    void write_memory(uint64_t offset, uint64_t value, unsigned size);

    DeviceEnv& env_;
    std::array<IrqLine, kInterrupts> lines_;
    Mutex mutex_{LockRank::Device, "pc-testdev"};
    uint32_t latch_ GUARDED_BY(mutex_) = 0;
    std::vector<uint8_t> memory_ GUARDED_BY(mutex_);
    MemberOps<&PcTestDev::read_latch, &PcTestDev::write_latch> latch_ops_;
    MemberOps<&PcTestDev::read_latch, &PcTestDev::write_latch> byte_latch_ops_;
    MemberOps<&PcTestDev::read_nothing, &PcTestDev::drop_page> drop_ops_;
    MemberOps<&PcTestDev::read_nothing, &PcTestDev::set_interrupt> interrupt_ops_;
    MemberOps<&PcTestDev::read_memory, &PcTestDev::write_memory> memory_ops_;
    MemoryRegion region_ = MemoryRegion::io("pc-testdev-iomem", kMemorySize, memory_ops_);
    const std::array<PortWindow, 4> windows_;
};

}  // namespace vmm
