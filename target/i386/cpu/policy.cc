// Questions a policy answers by itself.
#include "target/i386/cpu/policy.h"

#include "target/i386/cpu/model.h"

namespace vmm {

bool CpuidPolicy::is_intel() const {
    return vendor == kVendorIntel;
}

bool CpuidPolicy::is_amd() const {
    return vendor == kVendorAmd || vendor == kVendorHygon;
}

std::vector<std::pair<uint32_t, uint64_t>> CpuidPolicy::msrs() const {
    std::vector<std::pair<uint32_t, uint64_t>> list;
    if (features.test(feature::kArchCapabilities))
        list.emplace_back(kMsrArchCapabilities, features[FeatureWord::ArchCapabilities]);
    if (features.test(feature::kCoreCapability))
        list.emplace_back(kMsrCoreCapability, features[FeatureWord::CoreCapability]);
    if (features.test(feature::kPdcm))
        list.emplace_back(kMsrPerfCapabilities, features[FeatureWord::PerfCapabilities]);
    return list;
}

}  // namespace vmm
