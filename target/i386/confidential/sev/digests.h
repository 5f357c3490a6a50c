// The measurements of SEV launches. SEV-SNP: a chain of SHA-384 over one PAGE_INFO a page (SEV-SNP firmware
// ABI, 8.17.2). SEV and SEV-ES: SHA-256 over everything that was encrypted, and the keyed answer of
// LAUNCH_MEASURE (SEV API, 6.5). Pure.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "util/digest.h"

namespace vmm::sev {

// Page types of the SEV-SNP firmware, as the kernel takes them; VMSAs are the kernel's own.
enum class PageType : uint8_t { Normal = 1, Vmsa = 2, Zero = 3, Unmeasured = 4, Secrets = 5, Cpuid = 6 };

// Under KVM every VMSA is measured at this address.
inline constexpr uint64_t kVmsaGpa = 0xfffffffff000;

class SnpLaunchDigest {
  public:
    // One page; its contents count for normal pages and VMSAs only.
    void add_page(PageType type, uint64_t gpa, std::span<const uint8_t> page);
    // A run of pages; contents as long as the run, or empty for types without.
    void add(PageType type, uint64_t gpa, uint64_t length, std::span<const uint8_t> contents);
    const Sha384Digest& value() const { return value_; }

  private:
    Sha384Digest value_{};
};

// What LAUNCH_MEASURE is keyed with and covers.
struct SevMeasureInputs {
    uint8_t api_major = 0, api_minor = 0, build = 0;
    uint32_t policy = 0;
    Sha256Digest launch_digest{};
    std::array<uint8_t, 16> nonce{};  // chosen by the firmware, part of its answer
};
// What the guest owner compares with: HMAC and nonce, as query-sev-launch-measure gives them (in base64).
std::vector<uint8_t> sev_launch_measure(std::span<const uint8_t> integrity_key,
                                        const SevMeasureInputs& inputs);

}  // namespace vmm::sev
