// The SSDT of a generation identifier: a device with the method ADDR, which gives the identifier's address
// (patched in by whoever places the page), and the event that tells of a change. Its first object is VGIA, so
// that the address has a known place. Called by the board's tables. Pure. Spec: Microsoft's "Virtual Machine
// Generation ID".
#pragma once

#include <cstdint>

#include "hw/acpi/table.h"

namespace vmm::acpi {

inline constexpr const char* kGenerationFile = "etc/vmgenid_guid";
inline constexpr const char* kGenerationAddressFile = "etc/vmgenid_addr";
inline constexpr uint32_t kGenerationPageSize = 4096;
// The identifier within its page: past the tag that firmware may scan for.
inline constexpr uint32_t kGenerationOffset = 40;
inline constexpr unsigned kGenerationEvent = 5;  // of the GPE block

Table build_generation_ssdt(const TableIds& ids);

}  // namespace vmm::acpi
