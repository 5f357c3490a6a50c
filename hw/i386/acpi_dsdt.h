// The DSDT of a q35: PCI host bridge with windows and interrupt routing, the LPC bridge and what sits behind
// it, processors, soft-off. Called by acpi_tables. Pure: config to bytes. PCI Express slots use native
// hot-plug, which _OSC grants; conventional ones have methods. Specs: ACPI 6.4; PCI Firmware 3.2, 4.5; ICH9
// datasheet, 10.1.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "hw/acpi/table.h"

namespace vmm {

struct DsdtCpu {
    uint32_t uid;
    std::optional<uint32_t> node;
    uint32_t apic_id = 0;
};
struct DsdtSerial {
    uint16_t port;
    uint8_t irq;
};
struct PciWindow {
    uint64_t first;
    uint64_t last;  // inclusive
};

// A bridge to a conventional bus whose slots can be hot-plugged, or on the way to one.
struct DsdtBridge {
    unsigned devfn = 0;                   // on the bus above
    std::optional<unsigned> hotplug_bus;  // number of the bus behind it in the hot-plug registers
    std::vector<DsdtBridge> below;
};

struct DsdtConfig {
    std::vector<DsdtCpu> cpus;           // all that may ever be there
    bool cpu_hotplug = false;            // they come and go, by the registers of hw/acpi/cpu_hotplug
    unsigned memory_slots = 0;           // of hw/acpi/memory_hotplug; 0: there is none
    std::vector<DsdtSerial> serials;     // COM1 first
    std::vector<PciWindow> pci_windows;  // memory that is the host bridge's, below and above 4 GiB
    uint64_t ecam_base = 0xb0000000;
    uint64_t ecam_size = 0x10000000;  // 1 MiB a bus
    uint16_t pm_base = 0x600;
    bool has_hpet = true;
    uint64_t hpet_base = 0xfed00000;
    bool has_i8042 = true;
    bool has_fw_cfg = true;                   // I/O ports 0x510-0x51b
    std::optional<uint16_t> panic_port;       // of a pvpanic device
    bool has_vga_window = true;               // 0xa0000-0xbffff
    std::optional<uint16_t> debug_port;       // a method DBUG writes there
    std::vector<DsdtBridge> hotplug_bridges;  // of the root bus
    uint32_t pcie_control = 0x1f;             // what _OSC lets the system own (control field bits)
};

// The PIRQ line, 0..7 for A..H, that pin 0..3 (INTA..INTD) of a root-bus slot 0..31 drives: as the reset
// values of the ICH9's route registers and the q35's slots have it. IOAPIC pin = 16 + line.
unsigned q35_pirq(unsigned slot, unsigned pin);

acpi::Table build_dsdt(const DsdtConfig& config, const acpi::TableIds& ids);

}  // namespace vmm
