// What the user says about an SEV guest: sev-guest and sev-snp-guest. Plain data with the defaults; header
// only.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "target/i386/confidential/sev/policy.h"

namespace vmm::sev {

struct CommonConfig {
    std::string id;
    std::string device = "/dev/sev";
    std::optional<uint32_t> cbitpos;  // absent: the host's
    uint32_t reduced_phys_bits = 0;
    bool kernel_hashes = false;
    bool debug_swap = false;
    // What an IGVM file asks for in its save areas; none: as above.
    std::optional<uint64_t> vmsa_features;
};

enum class LegacyVm : uint8_t { Auto, On, Off };

struct SevConfig {
    CommonConfig common;
    std::string dh_cert_file, session_file;  // paths; the files are base64
    uint32_t policy = kDefaultSevPolicy;
    uint32_t handle = 0;
    LegacyVm legacy_vm_type = LegacyVm::Auto;
};

struct SnpConfig {
    CommonConfig common;
    uint64_t policy = kDefaultSnpPolicy;
    std::array<uint8_t, 16> visible_workarounds{};
    std::vector<uint8_t> id_block, id_auth;  // empty: none
    bool author_key_enabled = false;
    bool vcek_disabled = false;
    std::array<uint8_t, 32> host_data{};
    std::string certs_path;  // empty: the guest gets no certificates from here
    bool secure_tsc = false;
    uint32_t tsc_frequency = 0;  // Hz; 0: the host's
};

}  // namespace vmm::sev
