#include "hw/acpi/table_set.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "util/align.h"
#include "util/check.h"
#include "util/endian.h"

namespace vmm::acpi {

namespace {

constexpr uint32_t kRsdpV1Size = 20, kRsdpSize = 36;
constexpr uint64_t kFileAlignment = 4096;

Table root_table(std::string_view signature, uint8_t width, const std::vector<uint32_t>& listed,
                 const TableIds& ids) {
    TableBuilder b(signature, 1, ids);
    for (uint32_t offset : listed)
        b.pointer(offset, width);
    return b.finish();
}

// Where each file of a placed image begins, after the tables.
uint64_t offset_of_file(const AcpiImage& image, std::string_view name) {
    uint64_t at = image.tables.size();
    for (const ImageFile& file : image.files) {
        at = align_up(at, kFileAlignment);
        if (file.name == name) return at;
        at += file.bytes.size();
    }
    return at;
}

bool is_facs(const Table& table) {
    constexpr std::string_view kSignature = "FACS";
    return table.bytes.size() >= kSignature.size() &&
           std::equal(kSignature.begin(), kSignature.end(), table.bytes.begin());
}

}  // namespace

uint32_t TableSet::add(Table table, bool listed, uint32_t alignment) {
    CHECK(is_power_of_two(alignment) && alignment <= kTablesAlignment, "table alignment %u", alignment);
    std::vector<uint8_t>& blob = image_.tables;
    const uint32_t at = static_cast<uint32_t>(align_up(blob.size(), alignment));
    blob.resize(at);
    if (is_facs(table)) image_.facs_offset = at;
    blob.insert(blob.end(), table.bytes.begin(), table.bytes.end());
    for (const PointerField& p : table.pointers)
        image_.pointers.push_back({Blob::Tables, {at + p.offset, p.width, p.file}});
    if (table.has_checksum)
        image_.checksums.push_back({Blob::Tables, at, static_cast<uint32_t>(table.bytes.size()),
                                    at + static_cast<uint32_t>(kChecksumOffset)});
    if (listed) listed_.push_back(at);
    return at;
}

AcpiImage TableSet::finish(const TableIds& ids, RsdpRevision revision) {
    const std::vector<uint32_t> listed = std::exchange(listed_, {});
    const uint32_t rsdt = add(root_table("RSDT", 4, listed, ids), false);
    const bool extended = revision == RsdpRevision::Acpi2;
    const uint32_t xsdt = extended ? add(root_table("XSDT", 8, listed, ids), false) : 0;

    std::vector<uint8_t>& rsdp = image_.rsdp;
    append_padded(rsdp, "RSD PTR ", 8);
    rsdp.push_back(0);  // checksum of the first 20 bytes
    append_padded(rsdp, ids.oem_id, 6);
    rsdp.push_back(static_cast<uint8_t>(revision));
    rsdp.resize(extended ? kRsdpSize : kRsdpV1Size);
    store_le<uint32_t>(&rsdp[16], rsdt);
    image_.pointers.push_back({Blob::Rsdp, {16, 4}});
    image_.checksums.push_back({Blob::Rsdp, 0, kRsdpV1Size, 8});
    if (extended) {
        store_le<uint32_t>(&rsdp[20], kRsdpSize);
        store_le<uint64_t>(&rsdp[24], xsdt);
        image_.pointers.push_back({Blob::Rsdp, {24, 8}});
        image_.checksums.push_back({Blob::Rsdp, 0, kRsdpSize, 32});
    }
    return std::exchange(image_, {});
}

uint64_t AcpiImage::placed_size() const {
    return offset_of_file(*this, "");
}

Result<PlacedTables> place(const AcpiImage& image, uint64_t tables_gpa, uint64_t rsdp_gpa) {
    if (!is_aligned(tables_gpa, kTablesAlignment) || !is_aligned(rsdp_gpa, kRsdpAlignment))
        return Error::make("ACPI tables at 0x%llx, RSDP at 0x%llx: misaligned",
                           static_cast<unsigned long long>(tables_gpa),
                           static_cast<unsigned long long>(rsdp_gpa));
    if (tables_gpa >= 4 * kGiB || image.placed_size() > 4 * kGiB - tables_gpa)
        return Error::make("ACPI tables at 0x%llx do not fit below 4 GiB",
                           static_cast<unsigned long long>(tables_gpa));
    PlacedTables out{image.tables, image.rsdp};
    for (const ImagePointer& p : image.pointers) {
        uint8_t* at = (p.in == Blob::Tables ? out.tables : out.rsdp).data() + p.field.offset;
        const uint64_t target = p.field.file.empty() ? 0 : offset_of_file(image, p.field.file);
        store_le_sized(at, load_le_sized(at, p.field.width) + tables_gpa + target, p.field.width);
    }
    for (const ImageChecksum& c : image.checksums) {
        std::vector<uint8_t>& blob = c.in == Blob::Tables ? out.tables : out.rsdp;
        blob[c.at] = 0;
        blob[c.at] = checksum_of({blob.data() + c.start, c.length});
    }
    for (const ImageFile& file : image.files) {
        out.tables.resize(align_up(out.tables.size(), kFileAlignment));
        out.tables.insert(out.tables.end(), file.bytes.begin(), file.bytes.end());
    }
    return out;
}

}  // namespace vmm::acpi
