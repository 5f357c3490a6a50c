#include "hw/acpi/table.h"

#include <utility>

#include "util/check.h"
#include "util/endian.h"

namespace vmm::acpi {

std::string_view Table::signature() const {
    return {static_cast<const char*>(static_cast<const void*>(bytes.data())), 4};
}

uint8_t checksum_of(std::span<const uint8_t> bytes) {
    unsigned sum = 0;
    for (uint8_t byte : bytes)
        sum += byte;
    return static_cast<uint8_t>(0u - sum);
}

void append_padded(std::vector<uint8_t>& to, std::string_view text, size_t size, char pad) {
    CHECK(text.size() <= size, "'%.*s' is longer than %zu characters", static_cast<int>(text.size()),
          text.data(), size);
    to.insert(to.end(), text.begin(), text.end());
    to.insert(to.end(), size - text.size(), static_cast<uint8_t>(pad));
}

TableBuilder::TableBuilder(std::string_view signature, uint8_t revision, const TableIds& ids) {
    append_padded(table_.bytes, signature, 4);
    u32(0);  // length
    u8(revision);
    u8(0);  // checksum
    append_padded(table_.bytes, ids.oem_id, 6);
    append_padded(table_.bytes, ids.oem_table_id, 8);
    u32(ids.oem_revision);
    append_padded(table_.bytes, ids.creator_id, 4);
    u32(ids.creator_revision);
}

TableBuilder& TableBuilder::number(uint64_t v, unsigned width) {
    table_.bytes.resize(table_.bytes.size() + width);
    store_le_sized(table_.bytes.data() + table_.bytes.size() - width, v, width);
    return *this;
}

TableBuilder& TableBuilder::zeros(size_t count) {
    table_.bytes.resize(table_.bytes.size() + count);
    return *this;
}

TableBuilder& TableBuilder::raw(std::span<const uint8_t> bytes) {
    table_.bytes.insert(table_.bytes.end(), bytes.begin(), bytes.end());
    return *this;
}

TableBuilder& TableBuilder::gas(AddressSpaceId space, uint8_t bits, uint64_t address) {
    if (address == 0) return zeros(12);
    return u8(static_cast<uint8_t>(space)).u8(bits).u8(0).u8(0).u64(address);
}

TableBuilder& TableBuilder::pointer(uint64_t blob_offset, uint8_t width) {
    CHECK(width == 4 || width == 8, "pointer of %u bytes", width);
    table_.pointers.push_back({static_cast<uint32_t>(table_.bytes.size()), width});
    return number(blob_offset, width);
}

TableBuilder& TableBuilder::pointer_to(std::string_view file, uint8_t width) {
    CHECK(width == 4 || width == 8, "pointer of %u bytes", width);
    table_.pointers.push_back({static_cast<uint32_t>(table_.bytes.size()), width, std::string(file)});
    return number(0, width);
}

Table TableBuilder::finish() {
    store_le<uint32_t>(&table_.bytes[kLengthOffset], static_cast<uint32_t>(table_.bytes.size()));
    return std::exchange(table_, {});
}

}  // namespace vmm::acpi
