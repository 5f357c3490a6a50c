// What users hand to the firmware: -fw_cfg, -acpitable, -option-rom, -boot splash=. The command line fills it
// from the files that it names, the board publishes it. Plain data.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace vmm {

struct NamedBytes {
    std::string name;
    std::vector<uint8_t> bytes;
};

struct OptionRom {
    NamedBytes file;  // without folders
    int32_t boot_index = -1;
};

struct FirmwareConfig {
    std::vector<NamedBytes> files;                  // -fw_cfg
    std::vector<std::vector<uint8_t>> acpi_tables;  // -acpitable: header with its length, and contents
    std::vector<OptionRom> option_roms;
    std::vector<NamedBytes> splash;  // the picture, by the name that firmware knows it by
    std::string oem_id;              // of the machine's own ACPI tables; empty: ours
    std::string oem_table_id;
};

}  // namespace vmm
