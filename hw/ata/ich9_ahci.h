// The ICH9's SATA controller in AHCI mode: a PCI function with the AHCI register file in BAR 5, the index and
// data pair to it in BAR 4, and six ports, each an IDE bus. The board has one at 1f.2; users add more
// (-device ich9-ahci). Intel ICH9, chapter 14; Serial ATA AHCI 1.3.1, chapter 2.
//
// Missing: IDE (legacy) mode, power management capability, the ICH9's own configuration registers but mode
// and port control.
//
// Thread: any; the function's mutex guards the controller's registers too.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hw/ata/ahci_hba.h"
#include "hw/ata/ide_bus.h"
#include "hw/core/device_type.h"
#include "hw/pci/function.h"
#include "hw/pci/function_config.h"
#include "hw/pci/requester.h"
#include "system/memory/region.h"

namespace vmm::ata {

class Ich9Ahci final : public pci::Function, private InterruptSink {
  public:
    using Config = pci::FunctionConfig;
    static constexpr auto kProps = pci::function_props<Config>();
    static constexpr DeviceInfo kInfo = {.name = "ich9-ahci",
                                         .parent = "pci-device",
                                         .bus = "PCI",
                                         .description = "ICH9 AHCI controller",
                                         .category = DeviceCategory::Storage,
                                         .alias = "ahci"};
    static constexpr unsigned kPorts = 6;
    static constexpr pci::DevFn kBoardAddress{0x1f, 2};

    static Result<std::unique_ptr<Ich9Ahci>> create(const Config& config, DeviceEnv& env,
                                                    const std::string& id);
    // The board's own: buses ide.0 to ide.5.
    static std::unique_ptr<Ich9Ahci> create_for_board(DmaSpace& dma, EventLoop& loop);

    // `bus_prefix`: its buses are called "<prefix>.0" and so on.
    Ich9Ahci(const Config& config, DmaSpace& dma, EventLoop& loop, const std::string& bus_prefix,
             std::string id);
    std::string_view type() const override { return kInfo.name; }
    std::span<DeviceBus* const> buses() override { return bus_list_; }
    AhciHba& hba() { return hba_; }

    void reset_hold() override;

  private:
    // Index/data pair: AHCI 1.3.1, 2.1.11 and 12.
    class IndexData final : public IoOps {
      public:
        explicit IndexData(AhciHba& hba) : hba_(hba) {}
        uint64_t read(uint64_t offset, unsigned size) override;
        void write(uint64_t offset, uint64_t value, unsigned size) override;
        IoSizes sizes() const override { return {1, 4, 4, 4, false}; }

      private:
        AhciHba& hba_;
        std::atomic<uint32_t> index_{0};
    };

    void set_interrupt(bool level, bool news) override;
    Status joining(pci::Bus& bus) override;
    void add_mode_registers();
    void add_sata_capability();

    pci::Requester requester_{*this};
    DmaSpace dma_;
    AhciHba hba_;
    IndexData index_data_;
    MemoryRegion registers_;
    MemoryRegion pair_;
    std::vector<std::unique_ptr<IdeBus>> buses_;
    std::vector<DeviceBus*> bus_list_;
};

}  // namespace vmm::ata
