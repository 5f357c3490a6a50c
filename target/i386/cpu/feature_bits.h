// The words in which a CPU states its features: which CPUID leaf and register, or which MSR, holds each.
// The value type FeatureWords is what models, hosts and policies are compared in. Names: feature_names.h.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "target/i386/cpu/cpuid_set.h"

namespace vmm {

// Called after their leaf (hexadecimal, X = 0x8000_00xx, K = 0x4000_00xx, C = 0xC000_00xx) and register.
enum class FeatureWord : uint8_t {
    F1Edx,
    F1Ecx,
    F6Eax,
    F7Ebx,
    F7Ecx,
    F7Edx,
    F7s1Eax,
    F7s1Edx,
    F7s2Edx,
    FDs1Eax,
    X1Edx,
    X1Ecx,
    X7Edx,
    X8Ebx,
    XAEdx,
    X21Eax,
    X22Eax,
    C1Edx,
    K1Eax,
    K1Edx,
    ArchCapabilities,
    CoreCapability,
    PerfCapabilities,
};
inline constexpr size_t kFeatureWordCount = static_cast<size_t>(FeatureWord::PerfCapabilities) + 1;

// Where a word lives. msr != 0: a feature MSR, the CPUID fields are unused.
struct FeatureWordPlace {
    FeatureWord word;
    uint32_t function;
    bool has_index;
    uint32_t index;
    CpuidRegister reg;
    uint32_t msr;
    const char* text;  // how messages call it: "CPUID.01H:EDX"
};
const FeatureWordPlace& feature_word_place(FeatureWord word);

inline constexpr uint32_t kMsrArchCapabilities = 0x10a;
inline constexpr uint32_t kMsrCoreCapability = 0xcf;
inline constexpr uint32_t kMsrPerfCapabilities = 0x345;

struct FeatureBit {
    FeatureWord word;
    uint8_t bit;
    friend bool operator==(FeatureBit, FeatureBit) = default;
};

class FeatureWords {
  public:
    uint64_t& operator[](FeatureWord word) { return words_[static_cast<size_t>(word)]; }
    uint64_t operator[](FeatureWord word) const { return words_[static_cast<size_t>(word)]; }
    bool test(FeatureBit at) const { return ((*this)[at.word] >> at.bit & 1) != 0; }
    void set(FeatureBit at, bool on) {
        const uint64_t mask = uint64_t{1} << at.bit;
        (*this)[at.word] = on ? (*this)[at.word] | mask : (*this)[at.word] & ~mask;
    }
    uint32_t low(FeatureWord word) const { return static_cast<uint32_t>((*this)[word]); }
    friend bool operator==(const FeatureWords&, const FeatureWords&) = default;

  private:
    std::array<uint64_t, kFeatureWordCount> words_{};
};

// Bits that code outside the tables has to speak of.
namespace feature {
inline constexpr FeatureBit kApic{FeatureWord::F1Edx, 9};
inline constexpr FeatureBit kPse36{FeatureWord::F1Edx, 17};
inline constexpr FeatureBit kPae{FeatureWord::F1Edx, 6};
inline constexpr FeatureBit kAcpi{FeatureWord::F1Edx, 22};
inline constexpr FeatureBit kHt{FeatureWord::F1Edx, 28};
inline constexpr FeatureBit kMonitor{FeatureWord::F1Ecx, 3};
inline constexpr FeatureBit kVmx{FeatureWord::F1Ecx, 5};
inline constexpr FeatureBit kPdcm{FeatureWord::F1Ecx, 15};
inline constexpr FeatureBit kX2apic{FeatureWord::F1Ecx, 21};
inline constexpr FeatureBit kTscDeadline{FeatureWord::F1Ecx, 24};
inline constexpr FeatureBit kXsave{FeatureWord::F1Ecx, 26};
inline constexpr FeatureBit kAvx{FeatureWord::F1Ecx, 28};
inline constexpr FeatureBit kHypervisor{FeatureWord::F1Ecx, 31};
inline constexpr FeatureBit kArat{FeatureWord::F6Eax, 2};
inline constexpr FeatureBit kAvx2{FeatureWord::F7Ebx, 5};
inline constexpr FeatureBit kMpx{FeatureWord::F7Ebx, 14};
inline constexpr FeatureBit kAvx512f{FeatureWord::F7Ebx, 16};
inline constexpr FeatureBit kPku{FeatureWord::F7Ecx, 3};
inline constexpr FeatureBit kShstk{FeatureWord::F7Ecx, 7};
inline constexpr FeatureBit kLa57{FeatureWord::F7Ecx, 16};
inline constexpr FeatureBit kArchLbr{FeatureWord::F7Edx, 19};
inline constexpr FeatureBit kIbt{FeatureWord::F7Edx, 20};
inline constexpr FeatureBit kAmxTile{FeatureWord::F7Edx, 24};
inline constexpr FeatureBit kArchCapabilities{FeatureWord::F7Edx, 29};
inline constexpr FeatureBit kCoreCapability{FeatureWord::F7Edx, 30};
inline constexpr FeatureBit kXsaves{FeatureWord::FDs1Eax, 3};
inline constexpr FeatureBit kLm{FeatureWord::X1Edx, 29};
inline constexpr FeatureBit kCmpLegacy{FeatureWord::X1Ecx, 1};
inline constexpr FeatureBit kSvm{FeatureWord::X1Ecx, 2};
inline constexpr FeatureBit kTopoext{FeatureWord::X1Ecx, 22};
inline constexpr FeatureBit kInvtsc{FeatureWord::X7Edx, 8};
inline constexpr FeatureBit kKvmMapGpaRange{FeatureWord::K1Eax, 16};
}  // namespace feature

}  // namespace vmm
