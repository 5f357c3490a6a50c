// sev-snp-guest: guests whose memory and registers are encrypted and whose pages have an owner. Missing:
// migration. Linux Documentation/virt/kvm/x86/amd-memory-encryption.rst; AMD SEV-SNP firmware ABI.
#pragma once

#include "target/i386/confidential/sev/base_guest.h"
#include "target/i386/confidential/sev/certificates.h"
#include "target/i386/confidential/sev/digests.h"
#include "target/i386/confidential/sev/metadata.h"
#include "target/i386/confidential/sev/platform.h"

namespace vmm::sev {

class SnpGuest final : public BaseGuest {
  public:
    // Refuses what cannot be: policy, ID block.
    static Result<std::unique_ptr<SnpGuest>> create(SnpConfig config);
    explicit SnpGuest(SnpConfig config);

    std::string_view type() const override { return "sev-snp-guest"; }
    const SnpConfig& config() const { return config_; }
    Status prepare(std::span<const LaunchImage> firmware, bool has_kernel) override;
    igvm::PlatformType igvm_platform() const override { return igvm::PlatformType::Snp; }
    Status take_igvm(const igvm::Terms& terms) override;
    Status start(kvm::Vm& vm) override;
    std::vector<CpuidMask> cpuid_masks(const HostCpu& host) const override;
    Status launch(LaunchScene& scene) override;
    Status measure(LaunchScene& scene, std::span<const MeasuredPages> pages) override;
    Status finish() override;
    std::optional<kvm::ExitAction> handle_exit(kvm::Vcpu& vcpu, const GuestWorld& world) override;
    // What query-sev tells.
    enum class State { Uninitialized, LaunchUpdate, Running };
    State state() const { return state_; }
    const PlatformVersion& platform() const { return platform_; }

  private:
    uint32_t technology_bits() const override;
    Status set_tsc_frequency(kvm::Vm& vm);
    Status add_pages(const MeasuredPages& pages);
    Status add_section(LaunchScene& scene, const Section& section);
    Status add_cpuid_page(LaunchScene& scene, GpaRange range);
    Error refused(const MeasuredPages& pages, uint64_t gpa, Error error) const;

    SnpConfig config_;
    Metadata metadata_;
    State state_ = State::Uninitialized;
    PlatformVersion platform_;
    Certificates certificates_;
};

}  // namespace vmm::sev
