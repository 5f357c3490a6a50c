// What a TD is made with: attributes, extended features, owner's digests, from the object's properties and
// what the kernel and the TDX module allow. Pure; tdx/guest hands the result to the kernel.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "util/digest.h"
#include "util/result.h"

namespace vmm::tdx {

// -object tdx-guest. Digests are as written: base64 of 48 bytes.
struct TdConfig {
    std::string id;
    std::optional<uint64_t> attributes;
    std::optional<bool> sept_ve_disable;
    std::optional<bool> debug;
    std::optional<std::string> mrconfigid, mrowner, mrownerconfig;
};

struct TdIdentity {
    Sha384Digest mrconfigid{}, mrowner{}, mrownerconfig{};
};
// The digests decoded; absent ones are zeros.
Result<TdIdentity> decode_identity(const TdConfig& config);

// The attributes the properties ask for, without what the processors add: those that this program serves.
Result<uint64_t> asked_attributes(const TdConfig& config);

// Of the processors as they will be.
struct TdProcessor {
    uint64_t xcr0 = 0;
    uint64_t xss = 0;
    bool pks = false;
    bool pmu = false;
};
struct TdAllowed {
    uint64_t attributes = 0;
    uint64_t xfam = 0;
};
struct TdChoice {
    uint64_t attributes = 0;
    uint64_t xfam = 0;
};
Result<TdChoice> choose(const TdConfig& config, const TdProcessor& processor, const TdAllowed& allowed);

// KVM_SET_TSC_KHZ takes what the TDX module does: empty when it is fine, 0 stands for the host's.
Status check_tsc_khz(uint64_t khz);

// The names of attribute bits, for people: "debug", "sept-ve-disable".
std::string attribute_names(uint64_t bits);

}  // namespace vmm::tdx
