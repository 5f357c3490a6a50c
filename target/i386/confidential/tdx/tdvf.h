// The metadata of a TDX virtual firmware: which parts of the image and which empty pages a TD starts with
// (TDVF Design Guide 1.01, chapter 11; td-shim specification, part I). Bytes to a checked structure or an
// error: whatever parse_tdvf() returns is aligned, lies within the image and does not overlap. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "util/result.h"

namespace vmm::tdx {

enum class TdvfType : uint32_t {
    Bfv = 0,           // boot firmware volume: code
    Cfv = 1,           // configuration firmware volume: variables
    TdHob = 2,         // where the VMM describes memory
    TempMem = 3,       // stacks, heap, mailbox
    PermMem = 4,       // td-shim from here on: memory the firmware owns
    Payload = 5,       // a kernel, in the image or given by the VMM
    PayloadParam = 6,  // its command line
    TdInfo = 7,        // facts about the image, for tools; not loaded unless it has an address
    TdParams = 8,      // parameters of the TD, for tools; not loaded unless it has an address
};
std::string_view tdvf_type_name(TdvfType type);

inline constexpr uint32_t kTdvfExtend = 1u << 0;   // the contents are measured into MRTD
inline constexpr uint32_t kTdvfPageAug = 1u << 1;  // the guest accepts the pages, they are not added

struct TdvfSection {
    uint32_t data_offset = 0;
    uint32_t raw_size = 0;
    uint64_t gpa = 0;
    uint64_t size = 0;
    TdvfType type = TdvfType::Bfv;
    uint32_t attributes = 0;

    bool extend() const { return (attributes & kTdvfExtend) != 0; }
    bool page_aug() const { return (attributes & kTdvfPageAug) != 0; }
    uint64_t end() const { return gpa + size; }
    // Its bytes in the image; empty for memory that starts as zeros.
    std::span<const uint8_t> data(std::span<const uint8_t> image) const {
        return image.subspan(data_offset, raw_size);
    }
};

struct Tdvf {
    std::vector<TdvfSection> sections;  // in the order of the file: the order of the measurement
    // The section for the TD HOB; null when the firmware wants none.
    const TdvfSection* hob() const;
    const TdvfSection* find(TdvfType type) const;
};

inline constexpr uint32_t kTdvfMaxSections = 64;

// The image as it is on disk; it ends at 4 GiB.
Result<Tdvf> parse_tdvf(std::span<const uint8_t> image);

}  // namespace vmm::tdx
