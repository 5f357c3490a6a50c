// The table of GUIDs at the end of OVMF images: what the firmware tells the VMM. It ends 32 bytes before the
// end of the image and is read backwards: {data, u16 length of data and these 18 bytes, GUID}; the last entry
// names the table itself and its length (edk2, OvmfPkg/ResetVector/Ia16/ResetVectorVtf0.asm). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "util/result.h"
#include "util/uuid.h"

namespace vmm {

// What entries are called, in the usual text form.
inline constexpr std::string_view kSevResetBlockGuid = "00f771de-1a7e-4fcb-890e-68c77e2fb44e";
inline constexpr std::string_view kSevMetadataGuid = "dc886566-984a-4798-a75e-5585a7bf67cc";
inline constexpr std::string_view kSevHashesGuid = "7255371f-3a3b-4b04-927b-1da6efa8d454";
inline constexpr std::string_view kSevSecretGuid = "4c2eb361-7d9b-4cc3-8081-127c90d3d294";
inline constexpr std::string_view kTdxMetadataGuid = "e47a6535-984a-4798-865e-4685a7bf8ec2";

class FirmwareTable {
  public:
    // An image without a table gives an empty one. The image outlives the table.
    static Result<FirmwareTable> parse(std::span<const uint8_t> image);

    // The entry's data; empty optional when there is none.
    std::optional<std::span<const uint8_t>> find(std::string_view guid) const;
    bool empty() const { return entries_.empty(); }
    size_t size() const { return entries_.size(); }
    // The u32 of an entry: an offset from the end of the image, resolved to what lies from there on. Errors
    // name the entry; an empty optional when there is none.
    Result<std::optional<std::span<const uint8_t>>> follow(std::string_view guid, const char* name) const;

  private:
    struct Entry {
        std::array<uint8_t, 16> guid;
        std::span<const uint8_t> data;
    };
    std::span<const uint8_t> image_;
    std::vector<Entry> entries_;
};

// {u32 base, u32 size} of an entry; empty when the entry is absent or both are 0 (firmware built without).
struct FirmwareArea {
    uint32_t base = 0;
    uint32_t size = 0;
};
Result<std::optional<FirmwareArea>> firmware_area(const FirmwareTable& table, std::string_view guid,
                                                  const char* name);
// What SEV guests encrypt or are given by address, besides the firmware: both whole blocks of 16 bytes, apart
// from each other and from the image, which ends at 4 GiB.
struct SevAreas {
    std::optional<FirmwareArea> hashes, secret;
};
Result<SevAreas> sev_areas(const FirmwareTable& table, uint64_t image_size);
// Where application processors of SEV-ES guests begin: from the table, or from the block that older firmware
// has in its place. Empty: the firmware says nothing.
Result<std::optional<uint32_t>> sev_reset_address(std::span<const uint8_t> image, const FirmwareTable& table);

}  // namespace vmm
