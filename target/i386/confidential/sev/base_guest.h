// What SEV, SEV-ES and SEV-SNP guests have in common: the device, the firmware's tables, what the processors
// show, the kernel's hashes. See ConfidentialGuest for the order of calls.
#pragma once

#include <optional>

#include "target/i386/confidential/firmware_table.h"
#include "target/i386/confidential/guest.h"
#include "target/i386/confidential/sev/commands.h"
#include "target/i386/confidential/sev/config.h"

namespace vmm::sev {

class BaseGuest : public ConfidentialGuest {
  public:
    explicit BaseGuest(const CommonConfig& config) : ConfidentialGuest(config.id), common_(config) {}

    const Requirements& requirements() const override { return requirements_; }
    Status prepare(std::span<const LaunchImage> firmware, bool has_kernel) override;
    std::vector<CpuidMask> cpuid_masks(const HostCpu& host) const override;
    Status check_cpuid(CpuidPolicy& policy, const HostCpu& host) override;
    std::optional<uint32_t> ap_reset_address() const override { return reset_address_; }
    // A guest whose registers are its own may ask for its end.
    std::optional<kvm::ExitAction> handle_exit(kvm::Vcpu& vcpu, const GuestWorld& world) override;
    // Of IGVM files, before start(): what their save areas ask for.
    void set_vmsa_features(uint64_t features) { common_.vmsa_features = features; }
    // Where a secret may be put, when the firmware says so.
    const std::optional<FirmwareArea>& secret_area() const { return secret_area_; }

  protected:
    // 8000_001F EAX: which of the technologies are on.
    virtual uint32_t technology_bits() const = 0;
    Status open_device(kvm::Vm& vm);
    // Refuses what the kernel does not know, with what to do.
    Status check_vmsa_features(kvm::Vm& vm, uint64_t features);
    uint64_t wanted_features() const;
    // The page in which the table of hashes lies, filled; empty unless hashes are asked for and there is a
    // kernel.
    std::optional<std::vector<uint8_t>> hashes_page(const LaunchMedia& media) const;
    Status needs_started() const;

    CommonConfig common_;
    Requirements requirements_;
    std::optional<Device> device_;
    std::optional<Commands> commands_;  // from start() on
    std::optional<FirmwareArea> hash_area_, secret_area_;
    std::optional<uint32_t> reset_address_;
};

}  // namespace vmm::sev
