// Firmware images for tests: a small one with good TDX metadata, which tests then spoil.
#pragma once

#include <cstdint>
#include <vector>

#include "target/i386/confidential/tdx/tdvf.h"

namespace vmm::tdx {

// Where things are in the image that make_image() gives.
struct ImagePlaces {
    size_t descriptor = 0;
    size_t sections = 0;
    size_t table_end = 0;   // one behind the footer's GUID
    size_t tdx_entry = 0;   // the u32 with the offset
    size_t tdx_length = 0;  // the u16 of its entry
    size_t total_length = 0;
};

struct Image {
    std::vector<uint8_t> bytes;
    ImagePlaces at;

    void put32(size_t offset, uint32_t value);
    void put64(size_t offset, uint64_t value);
    void put16(size_t offset, uint16_t value);
    size_t section(size_t index) const { return at.sections + index * 32; }
    void append_section(const TdvfSection& section);
};

// 64 KiB: BFV, CFV, TD_HOB, two TempMem.
Image make_image();
std::vector<TdvfSection> default_sections();
Image make_image(const std::vector<TdvfSection>& sections);

}  // namespace vmm::tdx
