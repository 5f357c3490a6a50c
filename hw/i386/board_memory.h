// BoardMemory: the part of the memory map that does not change while the guest runs - RAM cut around the hole
// below 4 GiB, the PCI address space behind everything, and the firmware at its end. What lies between 640
// KiB and 1 MiB is the host bridge's (mch_pam); devices add themselves to pci() or to the system root.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "hw/i386/q35_map.h"
#include "system/memory/ram_block.h"
#include "system/memory/topology.h"
#include "util/result.h"

namespace vmm {

// Reads a firmware image into memory of its own; refuses what is empty or larger than kMaxFirmwareSize.
Result<std::unique_ptr<RamBlock>> load_firmware(const std::string& path);

// What the guest may do with its firmware: a ROM that also shows below 1 MiB, or RAM that the launch fills.
enum class FirmwarePlace : uint8_t { Rom, Ram };

class BoardMemory {
  public:
    // The blocks make up RAM in this order, lowest address first; their sizes add up to the map's. The
    // firmware may be null. Topology, root and blocks outlive this.
    BoardMemory(Topology& topology, MemoryRegion& system, const Q35Map& map, std::span<RamBlock* const> ram,
                std::unique_ptr<RamBlock> firmware, FirmwarePlace place = FirmwarePlace::Rom);
    ~BoardMemory();

    // Maps flash where the map has the firmware: the first ends at 4 GiB, the next below it, and the end of
    // the first shows below 1 MiB. They outlive this.
    void add_flash(const Q35Map& map, std::span<MemoryRegion* const> flash);
    // Null without -bios.
    RamBlock* firmware() { return firmware_.get(); }
    // All of RAM, by offset: below 4 GiB an offset is a guest-physical address.
    MemoryRegion& ram() { return ram_; }
    // The PCI address space: shows where nothing of the system answers.
    MemoryRegion& pci() { return pci_; }

  private:
    void show_below_1m(const Q35Map& map, MemoryRegion& firmware);

    Topology& topology_;
    std::unique_ptr<RamBlock> firmware_;
    MemoryRegion pci_;
    MemoryRegion ram_;
    std::vector<std::unique_ptr<MemoryRegion>> pieces_;  // one a RAM block, inside ram_
    std::vector<MemoryRegion*> flash_;
    std::vector<std::unique_ptr<MemoryRegion>> windows_;  // aliases and ROMs in the system root and in pci_
};

}  // namespace vmm
