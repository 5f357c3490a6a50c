// All ACPI tables of a q35 from one plain description of the board, as an image: linker_script() gives it to
// firmware, place() puts it into memory for a direct boot. Called by the board once, before the first boot.
// Pure. Sleep states other than S5 are not announced.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "hw/acpi/dmar.h"
#include "hw/acpi/hmat.h"
#include "hw/acpi/numa_tables.h"
#include "hw/acpi/table_set.h"
#include "hw/i386/acpi_dsdt.h"

namespace vmm {

struct AcpiCpu {
    uint32_t apic_id;
    std::optional<uint32_t> node;
    bool enabled = true;
};

struct AcpiConfig {
    acpi::TableIds ids;
    std::vector<AcpiCpu> cpus;  // the index is the processor's uid
    bool cpu_hotplug = false;   // then all are announced, those that are there as enabled
    unsigned memory_slots = 0;  // for memory that comes later; 0: none does
    // Empty without NUMA: no SRAT, no SLIT. Ranges as the guest sees RAM, split at its holes.
    std::vector<acpi::SratMemory> numa_memory;
    acpi::Distances numa_distances;  // empty: no SLIT
    std::optional<HmatConfig> hmat;
    std::vector<PciWindow> pci_windows;
    uint64_t ecam_base = 0xb0000000;
    uint64_t ecam_size = 0x10000000;
    std::vector<DsdtSerial> serials;
    bool has_hpet = true;
    bool has_pic = true;
    bool has_ioapic = true;
    bool has_i8042 = true;
    bool has_fw_cfg = true;
    std::optional<uint16_t> panic_port;
    bool has_vga = false;
    bool has_smm = false;  // then the SCI is asked for through port 0xb2
    uint16_t sci_gsi = 9;
    uint16_t pm_base = 0x600;
    std::optional<uint16_t> debug_port;
    std::vector<DsdtBridge> hotplug_bridges;
    std::optional<acpi::DmarConfig> dmar;
    std::vector<uint8_t> generation_page;            // of a vmgenid device; empty: there is none
    std::vector<std::vector<uint8_t>> extra_tables;  // whole, but for their checksums
    acpi::RsdpRevision rsdp_revision = acpi::RsdpRevision::Acpi1;
};

acpi::AcpiImage build_acpi(const AcpiConfig& config);

}  // namespace vmm
