// HMAT: how fast processors reach each node's memory, and the caches in front of it (ACPI 6.3, 5.2.27).
// Called by the board for -machine hmat=on. Pure.
#pragma once

#include "hw/acpi/table.h"
#include "hw/core/hmat_config.h"

namespace vmm::acpi {

Table build_hmat(const HmatConfig& config, const TableIds& ids);

}  // namespace vmm::acpi
