// The feature words that the accelerator can give: KVM's own list, plus what KVM emulates without listing it,
// less what it lists but this machine has no means for.
#include "target/i386/cpu/feature_names.h"
#include "target/i386/cpu/model.h"
#include "target/i386/cpu/resolve.h"
#include "target/i386/cpu/resolve_priv.h"

namespace vmm {
namespace {

// 8000_0001:EDX bits that repeat 1:EDX on AMD.
constexpr uint64_t kAmdAliases = 0x0183f3ff;

void correct_basic(FeatureWords& words, const HostCpu& host) {
    words.set(feature::kHypervisor, true);
    words.set(feature::kArat, true);  // the in-kernel timer never stops
    words.set(feature::kHt, true);
    words.set(feature::kTscDeadline, host.tsc_deadline_timer);
    if (!host.in_kernel_lapic) words.set(feature::kX2apic, false);
    if (host.can_sleep_in_guest) words.set(feature::kMonitor, true);
    // AMD processors do not have this register. KVM lists it there, some kernels take no value for it, and
    // some guests take fright.
    if (host_vendor(host) != kVendorIntel) words.set(feature::kArchCapabilities, false);
    words[FeatureWord::X1Edx] |= words[FeatureWord::F1Edx] & kAmdAliases;
}

void correct_kvm(FeatureWords& words, const HostCpu& host) {
    const auto set = [&](std::string_view name, bool on) {
        for (FeatureBit at : feature_bits(name))
            words.set(at, on);
    };
    if (!host.in_kernel_lapic) set("kvm-pv-unhalt", false);
    set("kvm-msi-ext-dest-id", host.msi_ext_dest_id);
    set("kvm-hc-map-gpa-range", host.map_gpa_range);
    set("kvm-hint-dedicated", true);
}

// Listed by KVM, but they need parts that the machine does not have.
void drop_unusable(FeatureWords& words) {
    for (std::string_view name : {"sgx", "sgxlc", "intel-pt"})
        for (FeatureBit at : feature_bits(name))
            words.set(at, false);
}

}  // namespace

uint64_t HostCpu::feature_msr(uint32_t index) const {
    for (const auto& [number, value] : feature_msrs)
        if (number == index) return value;
    return 0;
}

FeatureWords host_features(const HostCpu& host) {
    FeatureWords words;
    if (host.anything) {
        for (size_t i = 0; i < kFeatureWordCount; i++) {
            const FeatureWord word = static_cast<FeatureWord>(i);
            words[word] = feature_word_place(word).msr != 0 ? ~uint64_t{0} : 0xffffffff;
        }
        return words;
    }
    for (size_t i = 0; i < kFeatureWordCount; i++) {
        const FeatureWord word = static_cast<FeatureWord>(i);
        const FeatureWordPlace& place = feature_word_place(word);
        words[word] = place.msr != 0 ? host.feature_msr(place.msr)
                                     : host.supported.reg(place.function, place.index, place.reg);
    }
    correct_basic(words, host);
    correct_kvm(words, host);
    drop_unusable(words);
    return words;
}

}  // namespace vmm
