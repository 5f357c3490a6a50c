// The script by which firmware (SeaBIOS, OVMF) takes ACPI tables out of fw_cfg: allocate memory for each
// file, add addresses to pointers, sum. File etc/table-loader; entries of 128 bytes. Called by fw_cfg_x86.
// Pure. Only the commands that ACPI tables need.
#pragma once

#include <cstdint>
#include <vector>

#include "hw/acpi/table_set.h"

namespace vmm::acpi {

inline constexpr const char* kTablesFile = "etc/acpi/tables";
inline constexpr const char* kRsdpFile = "etc/acpi/rsdp";
inline constexpr const char* kLoaderFile = "etc/table-loader";

std::vector<uint8_t> linker_script(const AcpiImage& image);

}  // namespace vmm::acpi
