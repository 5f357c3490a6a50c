// Guest policies; see policy.h.
#include "target/i386/confidential/sev/policy.h"

namespace vmm::sev {

namespace {
// 6.12 takes the ABI version and these; bits 24 and 25 of newer firmware are the kernel's to judge.
constexpr uint64_t kSnpKnownBits = 0xffff | 0x3ff0000;
constexpr uint32_t kSevKnownBits = 0xffff003f;  // flags, and the ABI version in the high half
}  // namespace

Status check_sev_policy(uint32_t policy) {
    if ((policy & ~kSevKnownBits) != 0)
        return Error::make("policy=0x%x: bits 0x%x have no meaning", policy, policy & ~kSevKnownBits);
    return {};
}

Status check_snp_policy(uint64_t policy, std::optional<uint64_t> allowed) {
    const auto value = static_cast<unsigned long long>(policy);
    if ((policy & kSnpPolicyReserved) == 0)
        return Error::make("policy=0x%llx: bit 17 must be set", value)
            .with_hint("the default is policy=0x30000");
    if ((policy & ~kSnpKnownBits) != 0)
        return Error::make("policy=0x%llx: bits 0x%llx have no meaning", value,
                           static_cast<unsigned long long>(policy & ~kSnpKnownBits));
    if (allowed && (policy & ~*allowed) != 0)
        return Error::make("policy=0x%llx: this host's kernel does not take bits 0x%llx", value,
                           static_cast<unsigned long long>(policy & ~*allowed));
    return {};
}

}  // namespace vmm::sev
