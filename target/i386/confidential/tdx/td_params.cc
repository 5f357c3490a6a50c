// Parameters of a TD; see td_params.h.
#include "target/i386/confidential/tdx/td_params.h"

#include <algorithm>

#include "linux-headers/tdx_abi.h"
#include "util/base64.h"
#include "util/text.h"

namespace vmm::tdx {

namespace {

constexpr uint64_t kServed =
    abi::kTdAttributeDebug | abi::kTdAttributeSeptVeDisable | abi::kTdAttributePks | abi::kTdAttributePerfmon;

unsigned long long wide(uint64_t n) {
    return n;
}

Result<Sha384Digest> decode_digest(const std::optional<std::string>& text, const char* name) {
    Sha384Digest out{};
    if (!text) return out;
    const auto bytes = from_base64(*text);
    if (!bytes) return Error::make("TDX '%s': %s", name, bytes.error().text().c_str());
    if (bytes->size() != out.size())
        return Error::make("TDX '%s' sha384 digest was %zu bytes, expected %zu bytes", name, bytes->size(),
                           out.size());
    std::copy(bytes->begin(), bytes->end(), out.begin());
    return out;
}

}  // namespace

Result<TdIdentity> decode_identity(const TdConfig& config) {
    TdIdentity out;
    out.mrconfigid = TRY(decode_digest(config.mrconfigid, "mrconfigid"));
    out.mrowner = TRY(decode_digest(config.mrowner, "mrowner"));
    out.mrownerconfig = TRY(decode_digest(config.mrownerconfig, "mrownerconfig"));
    return out;
}

Result<uint64_t> asked_attributes(const TdConfig& config) {
    uint64_t out = config.attributes.value_or(abi::kTdAttributeSeptVeDisable);
    auto put = [&](const std::optional<bool>& on, uint64_t bit) {
        if (on) out = *on ? out | bit : out & ~bit;
    };
    put(config.sept_ve_disable, abi::kTdAttributeSeptVeDisable);
    put(config.debug, abi::kTdAttributeDebug);
    if ((out & ~kServed) != 0)
        return Error::make("Some unsupported TD attribute bits being requested: 0x%llx (supported: 0x%llx)",
                           wide(out), wide(kServed));
    return out;
}

Result<TdChoice> choose(const TdConfig& config, const TdProcessor& processor, const TdAllowed& allowed) {
    TdChoice out;
    out.attributes = TRY(asked_attributes(config));
    if (processor.pks) out.attributes |= abi::kTdAttributePks;
    if (processor.pmu) out.attributes |= abi::kTdAttributePerfmon;
    if (const uint64_t refused = out.attributes & ~allowed.attributes; refused != 0)
        return Error::make(
            "Invalid attributes 0x%llx for TDX VM (KVM supported: 0x%llx): this host does not have %s",
            wide(out.attributes), wide(allowed.attributes), attribute_names(refused).c_str());
    out.xfam = processor.xcr0 | processor.xss;
    if ((out.xfam & ~allowed.xfam) != 0)
        return Error::make("Invalid XFAM 0x%llx for TDX VM (KVM supported: 0x%llx)", wide(out.xfam),
                           wide(allowed.xfam))
            .with_hint("take the extended states away with -cpu host,-FEATURE");
    return out;
}

Status check_tsc_khz(uint64_t khz) {
    constexpr uint64_t kLeast = 100'000, kMost = 10'000'000, kStep = 25'000;
    if (khz == 0 || (khz >= kLeast && khz <= kMost && khz % kStep == 0)) return {};
    return Error::make("-cpu tsc-frequency=%llu: a TD's TSC runs at 100 MHz to 10 GHz, in steps of 25 MHz",
                       wide(khz * 1000));
}

std::string attribute_names(uint64_t bits) {
    struct Row {
        uint64_t bit;
        const char* name;
    };
    constexpr Row kRows[] = {{abi::kTdAttributeDebug, "debug"},
                             {abi::kTdAttributeSeptVeDisable, "sept-ve-disable"},
                             {abi::kTdAttributePks, "pks"},
                             {abi::kTdAttributePerfmon, "perfmon"}};
    std::vector<std::string> names;
    for (const Row& row : kRows) {
        if ((bits & row.bit) == 0) continue;
        names.emplace_back(row.name);
        bits &= ~row.bit;
    }
    if (bits != 0) names.push_back(strf("0x%llx", wide(bits)));
    return join(names, ", ");
}

}  // namespace vmm::tdx
