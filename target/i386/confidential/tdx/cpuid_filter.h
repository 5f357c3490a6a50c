// CPUID of a TD: the TDX module decides most of it. Some bits may be configured, some are always there, some
// follow from the TD's attributes and extended features. From what the kernel says of the first kind come the
// masks for -cpu, the list for KVM_TDX_INIT_VM, and the comparison with what the TD finally shows
// (Intel TDX module ABI specification, CPUID virtualization). Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "target/i386/cpu/cpuid_set.h"
#include "target/i386/cpu/policy.h"

namespace vmm::tdx {

struct TdCpuidFacts {
    CpuidSet configurable;    // of the kernel: masks, not values
    uint64_t attributes = 0;  // that the TD may have
    uint64_t xfam = 0;
};

// The reason that the masks give.
inline constexpr const char* kTdxLacks = "TDX does not support requested feature";

// What -cpu may keep and what it is given on top, one mask a feature word that the TDX module rules.
std::vector<CpuidMask> td_cpuid_masks(const TdCpuidFacts& facts);

// The entries for KVM_TDX_INIT_VM: only leaves that can be configured, only bits that can be.
std::vector<CpuidEntry> configurable_part(std::span<const CpuidEntry> wanted, const CpuidSet& configurable);

// How wide the guest's addresses are, as KVM_TDX_INIT_VM takes it: in leaf 0x80000008, EAX[23:16]. 48 or 52.
unsigned guest_address_width(unsigned phys_bits);
void set_guest_address_width(std::vector<CpuidEntry>& entries, unsigned width);

// Differences between what was asked and what the TD shows (KVM_TDX_GET_CPUID), one line each, for feature
// words only.
std::vector<std::string> td_cpuid_differences(std::span<const CpuidEntry> wanted, const CpuidSet& actual);

}  // namespace vmm::tdx
