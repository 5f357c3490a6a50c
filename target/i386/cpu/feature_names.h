// Feature names as users of -cpu spell them, to and from bits of feature words. Facts: the CPUID chapters of
// the Intel SDM vol. 2A and the AMD APM vol. 3, the KVM paravirtual feature list; spellings as QEMU's users
// know them. Pure tables; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "target/i386/cpu/feature_bits.h"

namespace vmm {

// Every bit the name stands for (kvmclock is two); empty when the name is not a feature. Aliases and '_' for
// '-' are understood.
std::vector<FeatureBit> feature_bits(std::string_view name);
// The canonical name of a bit; empty when it has none.
std::string_view feature_name(FeatureBit at);
// "CPUID.01H:ECX.vmx [bit 5]"
std::string feature_text(FeatureBit at);
// Every canonical name, sorted, each once.
std::vector<std::string_view> feature_names();
// Other spellings: {alias, canonical}.
struct FeatureAlias {
    std::string_view alias;
    std::string_view name;
};
const std::vector<FeatureAlias>& feature_aliases();

// The bits of a word that have names, and those that a guest may carry to another host.
uint64_t named_bits(FeatureWord word);
uint64_t migratable_bits(FeatureWord word);

}  // namespace vmm
