// All tables in one blob, and the RSDP in another: who points where and what is summed. From this image the
// linker script for firmware is made (linker_script.h), or place() makes the bytes final for a boot without
// firmware. Called by the board. Pure. Spec: ACPI 6.4, 5.2.5, 5.2.7, 5.2.8.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "hw/acpi/table.h"
#include "util/result.h"

namespace vmm::acpi {

enum class Blob { Tables, Rsdp };

struct ImagePointer {
    Blob in;
    PointerField field;  // points into the tables blob (or its file); holds the offset there
};
// Bytes of their own that tables point to, placed on a page.
struct ImageFile {
    std::string name;
    std::vector<uint8_t> bytes;
    // Firmware writes the address of the byte at `told_offset` into this file, for the machine.
    std::string address_file;
    uint32_t told_offset = 0;
};
struct ImageChecksum {
    Blob in;
    uint32_t start;
    uint32_t length;
    uint32_t at;  // offset of the checksum byte, within start..start+length
};

struct AcpiImage {
    std::vector<uint8_t> tables;
    std::vector<uint8_t> rsdp;
    std::vector<ImagePointer> pointers;
    std::vector<ImageChecksum> checksums;  // to be done in this order, after all pointers
    std::vector<ImageFile> files;
    std::optional<uint32_t> facs_offset;  // within tables
    // Bytes that place() makes of tables and files.
    uint64_t placed_size() const;
};

// Revision 0: the 20-byte RSDP with an RSDT only, what firmware is given. Revision 2: RSDT and XSDT.
enum class RsdpRevision : uint8_t { Acpi1 = 0, Acpi2 = 2 };

class TableSet {
  public:
    // Takes the table in and gives its offset within the blob, for pointers to it. `listed`: the root tables
    // name it (all but FACS and DSDT).
    uint32_t add(Table table, bool listed, uint32_t alignment = 1);
    void add_file(ImageFile file) { image_.files.push_back(std::move(file)); }
    // Adds the root tables; the set is empty afterwards.
    AcpiImage finish(const TableIds& ids, RsdpRevision revision);

  private:
    AcpiImage image_;
    std::vector<uint32_t> listed_;
};

inline constexpr uint32_t kTablesAlignment = 64;  // of the tables blob, for the FACS
inline constexpr uint32_t kRsdpAlignment = 16;

struct PlacedTables {
    std::vector<uint8_t> tables;  // and files after them
    std::vector<uint8_t> rsdp;
};
// The image with every pointer and checksum final for these guest-physical addresses. Refuses a place whose
// addresses do not fit the 32-bit pointers or the alignments above.
Result<PlacedTables> place(const AcpiImage& image, uint64_t tables_gpa, uint64_t rsdp_gpa);

}  // namespace vmm::acpi
