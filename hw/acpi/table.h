// One ACPI table as bytes: the 36-byte header (ACPI 6.4, 5.2.6), little-endian fields appended in order, and
// the places that hold pointers to other tables. A pointer's bytes hold an offset within the blob of all
// tables until table_set.h or the firmware makes it an address; the checksum is filled in then. Called by
// the table builders. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace vmm::acpi {

// Who made the tables; the ids are padded with blanks.
struct TableIds {
    std::string oem_id = "PENUMB";          // at most 6 characters
    std::string oem_table_id = "PENUMBRA";  // at most 8
    uint32_t oem_revision = 1;
    std::string creator_id = "PNMB";  // at most 4
    uint32_t creator_revision = 1;
};

inline constexpr size_t kHeaderSize = 36;
inline constexpr size_t kLengthOffset = 4;
inline constexpr size_t kChecksumOffset = 9;

struct PointerField {
    uint32_t offset;
    uint8_t width;          // bytes: 4 or 8
    std::string file = {};  // what it points into; empty: the blob of all tables
};

struct Table {
    std::vector<uint8_t> bytes;
    std::vector<PointerField> pointers;  // offsets within this table
    bool has_checksum = true;            // only the FACS has none

    std::string_view signature() const;
};

enum class AddressSpaceId : uint8_t { SystemMemory = 0, SystemIo = 1 };

class TableBuilder {
  public:
    TableBuilder(std::string_view signature, uint8_t revision, const TableIds& ids);

    TableBuilder& u8(uint8_t v) { return number(v, 1); }
    TableBuilder& u16(uint16_t v) { return number(v, 2); }
    TableBuilder& u32(uint32_t v) { return number(v, 4); }
    TableBuilder& u64(uint64_t v) { return number(v, 8); }
    TableBuilder& zeros(size_t count);
    TableBuilder& raw(std::span<const uint8_t> bytes);
    // A generic address structure; an address of 0 gives twelve zero bytes.
    TableBuilder& gas(AddressSpaceId space, uint8_t bits, uint64_t address);
    // A pointer to the table at this offset of the blob.
    TableBuilder& pointer(uint64_t blob_offset, uint8_t width);

    // A pointer to the start of a file of its own.
    TableBuilder& pointer_to(std::string_view file, uint8_t width);

    size_t size() const { return table_.bytes.size(); }
    // Sets the length; the builder is empty afterwards.
    Table finish();

  private:
    TableBuilder& number(uint64_t v, unsigned width);
    Table table_;
};

// The byte that makes the sum of all bytes 0, when added to what the checksum byte holds.
uint8_t checksum_of(std::span<const uint8_t> bytes);
// The text in exactly `size` bytes, padded; longer text is our bug.
void append_padded(std::vector<uint8_t>& to, std::string_view text, size_t size, char pad = ' ');

}  // namespace vmm::acpi
