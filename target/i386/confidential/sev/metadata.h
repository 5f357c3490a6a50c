// What OVMF tells the VMM about the pages of an SEV-SNP launch: the "ASEV" table, a list of ranges with what
// becomes of each, in the order in which they are measured (edk2,
// OvmfPkg/ResetVector/X64/OvmfSevMetadata.asm). Pure: bytes to a struct or an error; ranges are whole pages,
// do not overlap each other nor the image.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "system/memory/address.h"
#include "target/i386/confidential/firmware_table.h"
#include "util/result.h"

namespace vmm::sev {

enum class SectionType : uint32_t {
    SecMemory = 1,  // RAM that the firmware uses before it can accept memory
    Secrets = 2,
    Cpuid = 3,
    SvsmCallingArea = 4,
    KernelHashes = 0x10,
};

struct Section {
    SectionType type;
    GpaRange range;
};

struct Metadata {
    std::vector<Section> sections;  // in the order of the table
    const Section* find(SectionType type) const;
};

// The image as it is mapped below 4 GiB. Fails without a table, with a hint what firmware to take.
Result<Metadata> parse_metadata(std::span<const uint8_t> image, const FirmwareTable& table);

}  // namespace vmm::sev
