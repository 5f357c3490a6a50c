// From what was asked and what the host has to what the guest sees. Pure: same question, same answer.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "target/i386/cpu/policy.h"
#include "util/result.h"

namespace vmm {

// Fails on an unknown model, on values out of range and, with enforce, on a missing feature. Otherwise
// missing features are left out and listed in CpuidPolicy::missing.
Result<CpuidPolicy> resolve(const CpuRequest& request, const HostCpu& host,
                            std::span<const CpuidMask> masks = {});

// The feature words the accelerator can give, with what KVM emulates added and what it only claims removed.
FeatureWords host_features(const HostCpu& host);
// The lines to warn with when `check` is on: one for each missing feature.
std::vector<std::string> missing_feature_lines(const CpuidPolicy& policy);
// Names of the missing features: QMP's unavailable-features.
std::vector<std::string> unavailable_features(const CpuidPolicy& policy);

// "CPU model 'x' is not known", with the nearest name.
Error unknown_cpu_model(const std::string& name);

}  // namespace vmm
