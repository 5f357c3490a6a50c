// Guest policies: what the secure processor allows to be done with a guest. Names of bits, and what cannot
// be. SEV API, table 2; SEV-SNP firmware ABI, 4.3. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "util/result.h"

namespace vmm::sev {

// SEV and SEV-ES.
inline constexpr uint32_t kPolicyNoDebug = 1u << 0;
inline constexpr uint32_t kPolicyEncryptedState = 1u << 2;  // SEV-ES
inline constexpr uint32_t kDefaultSevPolicy = kPolicyNoDebug;

// SEV-SNP: the ABI version in the low 16 bits, then:
inline constexpr uint64_t kSnpPolicySmt = 1u << 16;
inline constexpr uint64_t kSnpPolicyReserved = 1u << 17;  // must be one
inline constexpr uint64_t kSnpPolicyMigrationAgent = 1u << 18;
inline constexpr uint64_t kSnpPolicyDebug = 1u << 19;
inline constexpr uint64_t kSnpPolicySingleSocket = 1u << 20;
inline constexpr uint64_t kDefaultSnpPolicy = kSnpPolicySmt | kSnpPolicyReserved;

Status check_sev_policy(uint32_t policy);
// allowed: the bits the kernel takes, where it says so.
Status check_snp_policy(uint64_t policy, std::optional<uint64_t> allowed = {});

}  // namespace vmm::sev
