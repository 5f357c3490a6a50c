// The q35's memory controller hub: PCI function 00.0. It decides what the guest sees of RAM: the ECAM window
// (PCIEXBAR), the attribute map of 0xc0000-0xfffff (PAM) and the windows of system-management memory.
// Intel 3 Series (82G33/82Q35) datasheet, chapter 5.
//
// Missing: system-management mode itself (what only SMM may see is seen by nobody), MCHBAR, DMIBAR, EPBAR,
// GGC, TOLUD and the error registers (they read as zero).
//
// Thread: any; mutex() of the function guards all state. Moves of windows happen under it.
#pragma once

#include <array>
#include <string_view>

#include "hw/core/device_type.h"
#include "hw/i386/mch_pam.h"
#include "hw/i386/mch_registers.h"
#include "hw/pci/ecam.h"
#include "hw/pci/function.h"

namespace vmm {

class Mch final : public pci::Function {
  public:
    struct Config {
        // Off: no SMRAM and TSEG windows, and their registers are fixed; 0xa0000 is plain RAM.
        bool smm_ranges = true;
        uint64_t low_ram_size = 0;  // bytes of RAM below 4 GiB; TSEG ends there
        uint16_t extended_tseg_mib = 16;
        bool smbase_smram = true;  // firmware can hide 0x30000-0x4ffff
    };
    static constexpr std::array kProps = {
        prop<Config, &Config::extended_tseg_mib>("extended-tseg-mbytes", "size of the extended TSEG, MiB"),
        prop<Config, &Config::smbase_smram>("smbase-smram", "firmware can hide the RAM at 0x30000")};
    static constexpr DeviceInfo kInfo = {.name = "mch",
                                         .parent = "pci-device",
                                         .bus = "PCI",
                                         .description = "Host bridge",
                                         .category = DeviceCategory::Bridge,
                                         .hotpluggable = false,
                                         .user_creatable = false};
    static Status check(const Config& values);
    // All borrowed and longer lived.
    struct Places {
        Topology& topology;
        MemoryRegion& system;  // guest-physical memory
        MemoryRegion& ram;     // RAM, by address below 4 GiB
        MemoryRegion& pci;     // the PCI address space
        pci::EcamWindow& ecam;
    };

    Mch(const Config& config, const Places& places);
    ~Mch() override;
    std::string_view type() const override { return "mch"; }

    void reset_enter() override;
    void reset_hold() override;

  private:
    // What only SMM may see answers nobody.
    class BlackHole final : public IoOps {
      public:
        uint64_t read(uint64_t offset, unsigned size) override;
        void write(uint64_t offset, uint64_t value, unsigned size) override;
    };

    void config_changed(unsigned offset, unsigned size) override;
    void set_masks();
    void update_ecam();
    void update_pam();
    void answer_extended_tseg();
    void update_smram();
    void update_smbase();
    void show(const SmramView& view);

    const Config config_values_;
    const Places places_;
    PamWindows pam_;
    BlackHole black_hole_;
    MemoryRegion legacy_pci_;  // 0xa0000 from the PCI side
    MemoryRegion high_smram_;  // the same RAM at 0xfeda0000
    MemoryRegion tseg_;
    MemoryRegion smbase_;
    bool smbase_asked_ = false;  // guarded by mutex()
};

}  // namespace vmm
