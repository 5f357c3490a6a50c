// What a q35 tells its guest about itself - ACPI, SMBIOS, memory map, fw_cfg - derived from the machine's
// configuration and its memory map. The board makes one of these, then either publishes it to firmware or
// boots a kernel with it. Pure.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "hw/acpi/dmar.h"
#include "hw/acpi/numa_tables.h"
#include "hw/acpi/table_set.h"
#include "hw/core/machine_config.h"
#include "hw/i386/acpi_dsdt.h"
#include "hw/i386/direct_boot.h"
#include "hw/i386/e820.h"
#include "hw/i386/fw_cfg_x86.h"
#include "hw/i386/q35_map.h"
#include "hw/smbios/tables.h"

namespace vmm {

// What the configuration alone does not say.
struct BoardFacts {
    const MachineConfig& config;
    const Q35Map& map;
    std::vector<uint32_t> apic_ids;  // of max_cpus CPUs, by index
    std::vector<unsigned> cpus;      // the indices of those that are there
    uint32_t cpuid_eax = 0;          // leaf 1 of the boot CPU, for SMBIOS
    uint32_t cpuid_edx = 0;
    bool has_pic = true;
    bool has_smm = false;
    std::vector<DsdtSerial> serials;  // those that are there, COM1 first
    std::optional<uint16_t> panic_port;
    std::vector<uint64_t> node_memory;  // bytes, by node, in the order of RAM; empty without NUMA
    std::vector<DsdtBridge> hotplug_bridges;
    std::vector<std::string> boot_paths;  // what firmware tries, in order
    std::vector<uint8_t> bios_geometry;   // of disks; empty: of none
    bool boots_kernel_rom = false;        // firmware starts -kernel by its option ROM
    std::optional<acpi::DmarConfig> dmar;
    std::vector<uint8_t> generation_page;  // of a vmgenid device; empty: there is none
    smbios::Settings smbios;               // with the places of devices
};

class BoardTables {
    struct Token {};

  public:
    static Result<std::unique_ptr<BoardTables>> create(const BoardFacts& facts);
    BoardTables(Token, const BoardFacts& facts, BootMemory memory, smbios::Image smbios);

    // For firmware. `kernel` and its companions are there for -bios with -kernel.
    Status publish(FwCfgItems& items, std::optional<FwCfgKernel> kernel) const;
    // Again at a reset: what devices and processors that came and went have changed.
    void republish(FwCfgItems& items) const;
    // For a boot without firmware: the kernel with its company and command line; the rest is filled in.
    Result<BootState> boot(DirectBoot files, GuestWriter& guest) const;

    // Empty with -machine acpi=off.
    const std::optional<acpi::AcpiImage>& acpi() const { return acpi_; }
    const smbios::Image& smbios() const { return smbios_; }
    const BootMemory& memory() const { return memory_; }

  private:
    BootMemory memory_;
    std::optional<acpi::AcpiImage> acpi_;
    smbios::Image smbios_;
    FwCfgConfig fw_cfg_;
};

// Guest-physical ranges of each node's memory: nodes follow each other in RAM, which has its holes at 640 KiB
// and below 4 GiB.
std::vector<acpi::SratMemory> node_ranges(const std::vector<uint64_t>& node_memory, uint64_t ram_below);

}  // namespace vmm
