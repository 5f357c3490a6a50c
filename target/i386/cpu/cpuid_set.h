// A set of CPUID leaves as KVM hands them out and takes them in, without any KVM type. Built by the KVM side
// (host) and by the leaf builders (guest). Pure data; no thread rules.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace vmm {

enum class CpuidRegister : uint8_t { Eax, Ebx, Ecx, Edx };

// Field for field what KVM's cpuid entry holds; the padding is the KVM side's business.
struct CpuidEntry {
    uint32_t function = 0;
    uint32_t index = 0;
    uint32_t flags = 0;
    uint32_t eax = 0;
    uint32_t ebx = 0;
    uint32_t ecx = 0;
    uint32_t edx = 0;

    uint32_t reg(CpuidRegister which) const;
    friend bool operator==(const CpuidEntry&, const CpuidEntry&) = default;
};

// flags: the answer depends on ECX, so `index` counts.
inline constexpr uint32_t kCpuidSignificantIndex = 1;

class CpuidSet {
  public:
    CpuidSet() = default;
    explicit CpuidSet(std::vector<CpuidEntry> entries) : entries_(std::move(entries)) {}

    // The leaf, or null. A leaf whose answer does not depend on ECX is found with any index.
    const CpuidEntry* find(uint32_t function, uint32_t index = 0) const;
    // The register of a leaf; zero when the leaf is absent.
    uint32_t reg(uint32_t function, uint32_t index, CpuidRegister which) const;
    const std::vector<CpuidEntry>& entries() const { return entries_; }
    bool empty() const { return entries_.empty(); }

  private:
    std::vector<CpuidEntry> entries_;
};

}  // namespace vmm
