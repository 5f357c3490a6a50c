// The steps of resolve() that follow once the features are chosen. Private to this folder.
#pragma once

#include "target/i386/cpu/policy.h"
#include "util/result.h"

namespace vmm {

struct Resolution {
    const CpuRequest& request;
    FeatureWords available;   // what the accelerator can give
    FeatureWords user_chose;  // bits that the user spoke of
    CpuidPolicy policy{};
    bool host_model = false;
    CacheSet intel_caches{};
    CacheSet amd_caches{};
    const CacheSet* own_caches = nullptr;
};

std::string host_vendor(const HostCpu& host);

// Takes away features whose ground is missing; reports those that the user asked for.
void drop_dependents(Resolution& work);
Status choose_widths(Resolution& work, const HostCpu& host);  // physical address bits
void choose_xsave(Resolution& work, const HostCpu& host);     // state components and their places
void choose_levels(Resolution& work);                         // highest leaves
void choose_tsc(Resolution& work);
void take_host_leaves(Resolution& work, const HostCpu& host);

}  // namespace vmm
