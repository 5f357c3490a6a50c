// What a PC publishes through fw_cfg: for SeaBIOS, OVMF, their Linux loaders and Linux itself. The device
// (hw/nvram) adds its own signature and feature bits. Called by the board once, before the first boot; the
// numbers follow the fw_cfg document of QEMU's specs, which firmware is built for. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "hw/acpi/table_set.h"
#include "hw/core/firmware_config.h"
#include "hw/i386/e820.h"
#include "hw/nvram/fw_cfg_items.h"
#include "hw/smbios/tables.h"
#include "util/result.h"
#include "util/uuid.h"

namespace vmm {

struct FwCfgNumaNode {
    uint64_t memory = 0;  // bytes
};
// A kernel that the firmware is to start (-bios with -kernel).
struct FwCfgKernel {
    std::vector<uint8_t> kernel;  // the file
    std::vector<uint8_t> initrd;
    std::string command_line;
    std::vector<uint8_t> loader_rom;  // the option ROM by which SeaBIOS starts it; may be empty (OVMF)
    bool unpatched = false;           // its header stays as in the file: the guest measures it
};

struct FwCfgConfig {
    BootMemory memory;
    Uuid uuid;
    uint64_t ram_size = 0;
    uint16_t boot_cpus = 1;
    std::vector<uint32_t> apic_ids;          // of all CPUs that may ever be there
    std::vector<uint32_t> cpu_nodes;         // node of each of them; empty without NUMA
    std::vector<FwCfgNumaNode> nodes;        // empty without NUMA
    bool graphics = true;                    // off: firmware uses the serial port below
    std::optional<uint16_t> serial_console;  // I/O port
    std::optional<uint64_t> hpet_base;
    std::optional<uint64_t> reserved_end;  // of memory addresses that firmware must leave free above RAM
    bool irq0_override = true;             // the timer arrives at IOAPIC pin 2
    char boot_device = 'c';
    bool boot_menu = false;
    std::optional<uint16_t> menu_wait_ms;
    int32_t reboot_timeout_ms = -1;         // never
    std::vector<std::string> boot_paths;    // Open Firmware, the first to try first
    bool strict_boot = false;               // nothing but what the boot order names
    std::vector<uint8_t> bios_geometry;     // of disks whose user said it; empty: none did
    bool boots_kernel_rom = false;          // the boot order begins with the kernel's option ROM
    const acpi::AcpiImage* acpi = nullptr;  // null: -no-acpi
    const smbios::Image* smbios = nullptr;
    const FirmwareConfig* extra = nullptr;  // what the user adds
    std::optional<FwCfgKernel> kernel;
};

// Adds everything to the items; refuses a kernel that is no bzImage or does not fit the guest's RAM.
Status publish_fw_cfg(const FwCfgConfig& config, FwCfgItems& items);
// What changes when processors and devices come and go, at a reset: their number, the ACPI tables, what is
// booted.
void republish_fw_cfg(const FwCfgConfig& config, FwCfgItems& items);

}  // namespace vmm
