// sev-guest: guests whose memory is encrypted in place (SEV), and with it their registers (SEV-ES). Missing:
// migration. AMD SEV API; Linux Documentation/virt/kvm/x86/amd-memory-encryption.rst.
#pragma once

#include <array>
#include <map>

#include "target/i386/confidential/sev/base_guest.h"

namespace vmm::sev {

class SevGuest final : public BaseGuest {
  public:
    // What query-sev tells; the order is the kernel's.
    enum class State : uint8_t { Uninitialized, LaunchUpdate, LaunchSecret, Running };
    struct Info {
        State state = State::Uninitialized;
        uint32_t handle = 0, policy = 0;
        uint8_t api_major = 0, api_minor = 0, build = 0;
    };

    static Result<std::unique_ptr<SevGuest>> create(SevConfig config);
    explicit SevGuest(SevConfig config);

    std::string_view type() const override { return "sev-guest"; }
    bool encrypted_state() const { return (config_.policy & kPolicyEncryptedState) != 0; }
    bool legacy_vm() const { return legacy_; }

    Status start(kvm::Vm& vm) override;
    Status launch(LaunchScene& scene) override;
    Status measure(LaunchScene& scene, std::span<const MeasuredPages> pages) override;
    igvm::PlatformType igvm_platform() const override {
        return requirements_.cpu_state == CpuState::Measured ? igvm::PlatformType::SevEs
                                                             : igvm::PlatformType::Sev;
    }
    Status take_igvm(const igvm::Terms& terms) override;
    Status finish() override;

    // For QMP; main thread.
    Info info() const { return info_; }
    // HMAC and nonce, once all is measured; empty before.
    const std::vector<uint8_t>& measurement() const { return measurement_; }
    Result<std::vector<uint8_t>> attestation_report(std::span<const uint8_t> nonce);
    // Header and packet as the guest owner made them; no address: the firmware's secret area.
    Status inject_secret(std::span<const uint8_t> header, std::span<const uint8_t> packet,
                         std::optional<uint64_t> gpa);

  private:
    uint32_t technology_bits() const override;
    Status pin_memory(LaunchScene& scene);
    Status update_data(std::span<uint8_t> bytes, const std::string& source);
    Status finish_measurement();

    SevConfig config_;
    const bool legacy_;
    kvm::Vm* vm_ = nullptr;           // from start() on
    AddressSpace* memory_ = nullptr;  // from launch() on
    Info info_;
    std::vector<uint8_t> measurement_;
};

}  // namespace vmm::sev
