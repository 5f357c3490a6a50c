// The table at the end of firmware; see firmware_table.h.
#include "target/i386/confidential/firmware_table.h"

#include <algorithm>

#include "system/memory/address.h"
#include "util/align.h"
#include "util/endian.h"

namespace vmm {

namespace {

constexpr std::string_view kTableGuid = "96b582de-1fb2-45f7-baea-a366c55a082d";
constexpr size_t kAfterTable = 0x20;  // the reset vector and what belongs to it
constexpr size_t kGuidSize = 16, kEntryTail = kGuidSize + sizeof(uint16_t);

using Guid = std::array<uint8_t, kGuidSize>;

Guid guid_of(std::string_view text) {
    Result<Uuid> parsed = Uuid::parse(text);
    CHECK(parsed, "not a GUID: %s", std::string(text).c_str());
    return parsed->mixed_endian();
}

Guid read_guid(std::span<const uint8_t> bytes) {
    Guid guid;
    std::copy_n(bytes.begin(), kGuidSize, guid.begin());
    return guid;
}

// The end of an entry - {length, GUID} - at the end of these bytes.
struct Tail {
    uint16_t length;
    Guid guid;
};
Tail tail_of(std::span<const uint8_t> bytes) {
    const auto tail = bytes.last(kEntryTail);
    return {load_le<uint16_t>(tail.data()), read_guid(tail.subspan(sizeof(uint16_t)))};
}

}  // namespace

Result<FirmwareTable> FirmwareTable::parse(std::span<const uint8_t> image) {
    FirmwareTable table;
    table.image_ = image;
    if (image.size() < kAfterTable + kEntryTail) return table;
    std::span<const uint8_t> before = image.first(image.size() - kAfterTable);
    const Tail own = tail_of(before);
    if (own.guid != guid_of(kTableGuid)) return table;
    if (own.length < kEntryTail || own.length > before.size())
        return Error::make("the firmware's GUID table has a length of %u bytes, the image %zu", own.length,
                           image.size());
    std::span<const uint8_t> rest = before.last(own.length);
    rest = rest.first(rest.size() - kEntryTail);
    while (!rest.empty()) {
        if (rest.size() < kEntryTail)
            return Error::make("the firmware's GUID table begins with %zu bytes of no entry", rest.size());
        const Tail entry = tail_of(rest);
        if (entry.length < kEntryTail || entry.length > rest.size())
            return Error::make("an entry of the firmware's GUID table has a length of %u bytes, %zu are left",
                               entry.length, rest.size());
        const auto same = [&](const Entry& other) { return other.guid == entry.guid; };
        if (std::any_of(table.entries_.begin(), table.entries_.end(), same))
            return Error::make("the firmware's GUID table has an entry twice");
        table.entries_.push_back({entry.guid, rest.last(entry.length).first(entry.length - kEntryTail)});
        rest = rest.first(rest.size() - entry.length);
    }
    return table;
}

std::optional<std::span<const uint8_t>> FirmwareTable::find(std::string_view guid) const {
    const Guid wanted = guid_of(guid);
    for (const Entry& entry : entries_)
        if (entry.guid == wanted) return entry.data;
    return std::nullopt;
}

Result<std::optional<std::span<const uint8_t>>> FirmwareTable::follow(std::string_view guid,
                                                                      const char* name) const {
    const auto entry = find(guid);
    if (!entry) return std::optional<std::span<const uint8_t>>();
    if (entry->size() < sizeof(uint32_t))
        return Error::make("the firmware's entry for %s has %zu bytes, not 4", name, entry->size());
    const auto offset = load_le<uint32_t>(entry->data());
    if (offset == 0 || offset > image_.size())
        return Error::make("the firmware's %s lies %u bytes before the end of an image of %zu", name, offset,
                           image_.size());
    return std::optional(image_.last(offset));
}

Result<std::optional<FirmwareArea>> firmware_area(const FirmwareTable& table, std::string_view guid,
                                                  const char* name) {
    const auto entry = table.find(guid);
    if (!entry) return std::optional<FirmwareArea>();
    if (entry->size() < 2 * sizeof(uint32_t))
        return Error::make("the firmware's entry for the %s has %zu bytes, not 8", name, entry->size());
    const FirmwareArea area{load_le<uint32_t>(entry->data()), load_le<uint32_t>(entry->data() + 4)};
    if (area.base == 0 && area.size == 0) return std::optional<FirmwareArea>();
    if (area.base == 0 || area.size == 0 || area.base + (area.size - 1) < area.base)
        return Error::make("the firmware's %s is at 0x%x with %u bytes", name, area.base, area.size);
    return std::optional(area);
}

namespace {

constexpr uint64_t kEndOfImage = uint64_t{1} << 32;
constexpr uint32_t kBlock = 16;  // what the processor encrypts at once

Status check_area(const std::optional<FirmwareArea>& area, const char* name, uint64_t image_size) {
    if (!area) return {};
    if (!is_aligned(area->base, kBlock))
        return Error::make("the firmware's %s at 0x%x does not begin at a multiple of %u", name, area->base,
                           kBlock);
    if (uint64_t{area->base} + area->size > kEndOfImage - image_size)
        return Error::make("the firmware's %s (0x%x+0x%x) reaches into the firmware", name, area->base,
                           area->size);
    return {};
}

}  // namespace

Result<SevAreas> sev_areas(const FirmwareTable& table, uint64_t image_size) {
    constexpr const char *kHashes = "area for kernel hashes", *kSecret = "secret area";
    SevAreas areas{.hashes = TRY(firmware_area(table, kSevHashesGuid, kHashes)),
                   .secret = TRY(firmware_area(table, kSevSecretGuid, kSecret))};
    if (image_size > kEndOfImage)
        return Error::make("the firmware has %llu bytes, more than 4 GiB",
                           static_cast<unsigned long long>(image_size));
    TRY(check_area(areas.hashes, kHashes, image_size));
    TRY(check_area(areas.secret, kSecret, image_size));
    if (areas.hashes && areas.secret &&
        GpaRange::of(Gpa(areas.hashes->base), areas.hashes->size)
            .overlaps(GpaRange::of(Gpa(areas.secret->base), areas.secret->size)))
        return Error::make("the firmware's %s (0x%x+0x%x) overlaps its %s (0x%x+0x%x)", kHashes,
                           areas.hashes->base, areas.hashes->size, kSecret, areas.secret->base,
                           areas.secret->size);
    return areas;
}

Result<std::optional<uint32_t>> sev_reset_address(std::span<const uint8_t> image,
                                                  const FirmwareTable& table) {
    auto entry = table.find(kSevResetBlockGuid);
    if (!entry && table.empty() && image.size() >= kAfterTable + kEntryTail + sizeof(uint32_t)) {
        const std::span<const uint8_t> before = image.first(image.size() - kAfterTable);
        const Tail own = tail_of(before);
        if (own.guid != guid_of(kSevResetBlockGuid)) return std::optional<uint32_t>();
        if (own.length < kEntryTail || own.length > before.size())
            return Error::make("the firmware's SEV-ES reset block has a length of %u bytes", own.length);
        entry = before.last(own.length).first(own.length - kEntryTail);
    }
    if (!entry) return std::optional<uint32_t>();
    if (entry->size() < sizeof(uint32_t))
        return Error::make("the firmware's SEV-ES reset block has %zu bytes, not 4", entry->size());
    const auto address = load_le<uint32_t>(entry->data());
    if (address == 0) return Error::make("the firmware's SEV-ES reset address is zero");
    return std::optional(address);
}

}  // namespace vmm
