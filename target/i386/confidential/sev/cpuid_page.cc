// The CPUID page; see cpuid_page.h.
#include "target/i386/confidential/sev/cpuid_page.h"

#include <algorithm>

#include "util/endian.h"
#include "util/text.h"

namespace vmm::sev {

namespace {

constexpr size_t kHeadSize = 16, kEntrySize = 48;
// The only size of the XSAVE area that the secure processor accepts before the guest sets XCR0.
constexpr uint32_t kXsaveLeaf = 0xd, kXsaveSizeAtReset = 0x240;

void put_entry(uint8_t* at, const CpuidPageEntry& e) {
    store_le(at, e.function);
    store_le(at + 4, e.index);
    store_le(at + 8, e.xcr0);
    store_le(at + 16, e.xss);
    store_le(at + 24, e.eax);
    store_le(at + 28, e.ebx);
    store_le(at + 32, e.ecx);
    store_le(at + 36, e.edx);
}

CpuidPageEntry get_entry(const uint8_t* at) {
    return {load_le<uint32_t>(at),      load_le<uint32_t>(at + 4),  load_le<uint64_t>(at + 8),
            load_le<uint64_t>(at + 16), load_le<uint32_t>(at + 24), load_le<uint32_t>(at + 28),
            load_le<uint32_t>(at + 32), load_le<uint32_t>(at + 36)};
}

void compare(std::vector<std::string>& lines, const CpuidPageEntry& entry, const char* name, uint32_t given,
             uint32_t wanted) {
    if (given == wanted) return;
    std::string leaf = strf("leaf 0x%x", entry.function);
    if (entry.index != 0) leaf += strf(".%u", entry.index);
    lines.push_back(strf("%s %s: 0x%08x was given, 0x%08x would be accepted (differing bits 0x%08x)",
                         leaf.c_str(), name, given, wanted, given ^ wanted));
}

}  // namespace

Result<CpuidPage> build_cpuid_page(std::span<const CpuidEntry> leaves) {
    CpuidPage page{};
    uint32_t count = 0;
    for (const CpuidEntry& leaf : leaves) {
        if ((leaf.eax | leaf.ebx | leaf.ecx | leaf.edx) == 0) continue;
        if (count == kMostCpuidEntries)
            return Error::make("the processors show more than the %zu CPUID leaves that SEV-SNP has room for",
                               kMostCpuidEntries)
                .with_hint("take a CPU model with fewer features");
        CpuidPageEntry entry{
            .function = leaf.function, .eax = leaf.eax, .ebx = leaf.ebx, .ecx = leaf.ecx, .edx = leaf.edx};
        if ((leaf.flags & kCpuidSignificantIndex) != 0) entry.index = leaf.index;
        if (leaf.function == kXsaveLeaf && leaf.index <= 1) {
            entry.ebx = kXsaveSizeAtReset;
            entry.xcr0 = 1;
        }
        put_entry(&page[kHeadSize + count * kEntrySize], entry);
        ++count;
    }
    store_le(page.data(), count);
    return page;
}

Result<std::vector<CpuidPageEntry>> parse_cpuid_page(std::span<const uint8_t> page) {
    if (page.size() < kHeadSize) return Error::make("a CPUID page of %zu bytes", page.size());
    const auto count = load_le<uint32_t>(page.data());
    if (count > kMostCpuidEntries || page.size() < kHeadSize + count * kEntrySize)
        return Error::make("a CPUID page of %zu bytes with %u entries", page.size(), count);
    std::vector<CpuidPageEntry> entries;
    for (uint32_t i = 0; i < count; ++i)
        entries.push_back(get_entry(page.data() + kHeadSize + i * kEntrySize));
    return entries;
}

std::vector<std::string> cpuid_corrections(std::span<const uint8_t> given,
                                           std::span<const uint8_t> returned) {
    std::vector<std::string> lines;
    const auto before = parse_cpuid_page(given), after = parse_cpuid_page(returned);
    if (!before || !after) return {"the firmware returned no CPUID page"};
    for (size_t i = 0; i < std::min(before->size(), after->size()); ++i) {
        const CpuidPageEntry &a = before->at(i), &b = after->at(i);
        compare(lines, a, "EAX", a.eax, b.eax);
        compare(lines, a, "EBX", a.ebx, b.ebx);
        compare(lines, a, "ECX", a.ecx, b.ecx);
        compare(lines, a, "EDX", a.edx, b.edx);
    }
    return lines;
}

}  // namespace vmm::sev
