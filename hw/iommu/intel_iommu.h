// IntelIommu (intel-iommu): a VT-d unit for all PCI functions of the machine: second-level translation of
// their addresses in legacy mode, pages of 4 KiB, 2 MiB and 1 GiB, pass-through contexts, queued and
// register-based invalidation, a fault record with its interrupt, and remapping of interrupts (MSI and the
// I/O APIC's). Spec: Intel Virtualization Technology for Directed I/O, revision 3.3; properties as QEMU's.
//
// Missing: scalable mode, devices with TLBs of their own (ATS), posted interrupts, protected memory regions,
// virtio devices behind it (iommu_platform=on is refused beside it; without, their memory accesses bypass it,
// as the guest knows). Nothing is cached: every access walks the tables, so that invalidations have nothing
// to do but to be answered.
//
// Threads: registers by any vCPU, one at a time (`commands_`, rank Device); translations by any thread, which
// may hold a device's lock: the register file has a leaf lock, taken for a few lines and never while memory
// is read.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hw/core/device_type.h"
#include "hw/core/iommu.h"
#include "hw/iommu/vtd_registers.h"
#include "hw/iommu/vtd_tables.h"
#include "qapi/types_common.h"
#include "system/memory/region.h"
#include "system/memory/region_ops.h"
#include "util/mutex.h"

namespace vmm {

class IntelIommu final : public Device, public IoOps, public Iommu {
    struct Token {};

  public:
    static constexpr uint64_t kAddress = 0xfed90000, kSize = 0x1000;

    struct Config {
        qapi::OnOffAuto intremap = qapi::OnOffAuto::Auto;
        qapi::OnOffAuto eim = qapi::OnOffAuto::Auto;
        bool pt = true, caching_mode = false, dma_drain = true, device_iotlb = false;
        uint8_t aw_bits = 39;
    };
    static constexpr std::array kProps = {
        prop<Config, &Config::intremap>("intremap", "remapping of interrupts; auto: where it can be"),
        prop<Config, &Config::eim>("eim", "processor ids above 255 in remapped interrupts"),
        prop<Config, &Config::pt>("pt", "contexts may pass addresses through"),
        prop<Config, &Config::caching_mode>("caching-mode", "the guest says when it maps, too"),
        prop<Config, &Config::aw_bits>("aw-bits", "width of addresses: 39 or 48"),
        prop<Config, &Config::dma_drain>("dma-drain", "invalidations wait for accesses under way"),
        prop<Config, &Config::device_iotlb>("device-iotlb", "devices may have TLBs; none of these has one")};
    static constexpr DeviceInfo kInfo = {.name = "intel-iommu",
                                         .bus = "System",
                                         .description = "Intel IOMMU (VT-d) DMA Remapping device",
                                         .category = DeviceCategory::Misc,
                                         .hotpluggable = false};
    static Status check(const Config& values);
    static Result<std::unique_ptr<IntelIommu>> create(const Config& values, DeviceEnv& env,
                                                      const std::string& id);
    IntelIommu(Token, const vtd::RegisterFile::Features& features, DeviceEnv& env, const std::string& id);
    ~IntelIommu() override;
    std::string_view type() const override { return kInfo.name; }

    // Registers: any vCPU.
    uint64_t read(uint64_t offset, unsigned size) override;
    void write(uint64_t offset, uint64_t value, unsigned size) override;
    IoSizes sizes() const override { return {4, 8, 4, 4, false}; }

    // Iommu
    std::optional<Gpa> translate(uint16_t requester, Gpa address, bool write) override;
    std::optional<MsiMessage> remap(std::optional<uint16_t> requester, const MsiMessage& message,
                                    Faults faults) override;
    void on_remapping_changed(std::function<void()> call) override { remapping_changed_ = std::move(call); }
    Description describe() const override;

    void reset_hold() override;

  private:
    // What a register write leads to, done when no lock is held.
    struct After {
        std::vector<MsiMessage> messages;
        bool remapping_changed = false;
    };
    void finish(const After& after);
    void command(uint32_t value, After& after) REQUIRES(commands_);
    void run_queue(After& after) REQUIRES(commands_);
    // False: the descriptor is wrong.
    bool run_descriptor(uint64_t low, uint64_t high, After& after) REQUIRES(commands_);
    bool run_wait(uint64_t low, uint64_t high, After& after) REQUIRES(commands_);
    void act_on(unsigned at, uint32_t value, After& after) REQUIRES(commands_);
    // Sends the event whose control register is at `control`, or keeps it until it is unmasked.
    void raise(unsigned control, After& after) REQUIRES(registers_mutex_);
    void unmasked(unsigned control, After& after) REQUIRES(registers_mutex_);
    void record(vtd::Fault fault, uint16_t requester, uint64_t information, bool read);
    void fail_queue(After& after) REQUIRES(registers_mutex_);

    const vtd::RegisterFile::Features features_;
    DeviceEnv& env_;
    DmaSpace& memory_;
    MsiSink& msi_;
    std::function<void()> remapping_changed_;
    Mutex commands_{LockRank::Device, "intel-iommu commands"};
    mutable Mutex registers_mutex_{LockRank::Leaf, "intel-iommu registers"};
    vtd::RegisterFile registers_ GUARDED_BY(registers_mutex_);
    // As the last "set" commands found them.
    uint64_t root_ GUARDED_BY(registers_mutex_) = 0;
    uint64_t interrupt_table_ GUARDED_BY(registers_mutex_) = 0;
    MemoryRegion region_;
    bool known_ = false;  // to the machine
};

}  // namespace vmm
