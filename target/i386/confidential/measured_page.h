// MeasuredPages: a run of pages that the launch puts into the guest's memory. Plain data, header only.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "system/memory/address.h"

namespace vmm {

enum class PageKind : uint8_t {
    Normal,      // contents, measured
    Unmeasured,  // contents, not measured
    Zero,        // empty; that it is empty may be measured
    Secrets,     // filled by the hardware
    Cpuid,       // what the processors show, checked by the hardware
    Hob,         // TDX: what the firmware is told of the memory
};

struct MeasuredPages {
    PageKind kind = PageKind::Normal;
    GpaRange range;
    // As long as the range, or empty for pages without contents. The launch may write to it: SEV encrypts in
    // place, and a refused CPUID page comes back with what would have been accepted.
    std::span<uint8_t> contents;
    std::string source;          // for records and messages: "OVMF.fd", "kernel hashes"
    uint64_t source_offset = 0;  // of the contents in it
};

}  // namespace vmm
