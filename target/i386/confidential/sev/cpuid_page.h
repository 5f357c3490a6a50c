// The CPUID page of SEV-SNP guests: what the processors show, laid down where the firmware reads it and
// checked by the secure processor (SEV-SNP firmware ABI, 8.17.2.6). Pure.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "target/i386/cpu/cpuid_set.h"
#include "util/align.h"
#include "util/result.h"

namespace vmm::sev {

using CpuidPage = std::array<uint8_t, kPageSize>;
inline constexpr size_t kMostCpuidEntries = 64;

// From the leaves of the first vCPU; too many are an error. Leaves that are all zero are left out: absent
// ones read as zero.
Result<CpuidPage> build_cpuid_page(std::span<const CpuidEntry> leaves);

struct CpuidPageEntry {
    uint32_t function = 0, index = 0;
    uint64_t xcr0 = 0, xss = 0;
    uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
    friend bool operator==(const CpuidPageEntry&, const CpuidPageEntry&) = default;
};
Result<std::vector<CpuidPageEntry>> parse_cpuid_page(std::span<const uint8_t> page);

// One line for each register the firmware would have otherwise: "leaf 0x1 EDX: 0x178bfbff was given,
// 0x178bfbfe would be accepted (bits ...)". Empty when the pages are equal.
std::vector<std::string> cpuid_corrections(std::span<const uint8_t> given, std::span<const uint8_t> returned);

}  // namespace vmm::sev
