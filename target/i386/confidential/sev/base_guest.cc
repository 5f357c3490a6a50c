// SEV guests of every kind; see base_guest.h.
#include "target/i386/confidential/sev/base_guest.h"

#include <algorithm>
#include <iterator>

#include "accel/kvm/exits.h"
#include "accel/kvm/vcpu.h"
#include "target/i386/confidential/kernel_hashes.h"
#include "target/i386/confidential/sev/platform.h"
#include "util/align.h"
#include "util/log.h"

namespace vmm::sev {

namespace {

constexpr uint32_t kEncryptionLeaf = 0x8000001f;

constexpr uint32_t kUsualCbit = 51;  // of EPYC processors since Rome

}  // namespace

Status BaseGuest::prepare(std::span<const LaunchImage> firmware, bool has_kernel) {
    if (common_.reduced_phys_bits < 1 || common_.reduced_phys_bits > 63)
        return Error::make(
            "%s: reduced_phys_bits check failed, should be in the range of 1 to 63, requested '%u'",
            id().c_str(), common_.reduced_phys_bits);
    if (firmware.empty())
        return Error::make("%s needs firmware", id().c_str()).with_hint("add -bios OVMF.fd");
    const std::span<const uint8_t> image = firmware.front().bytes;
    const FirmwareTable table = TRY(FirmwareTable::parse(image));
    const SevAreas areas = TRY(sev_areas(table, image.size()));
    hash_area_ = areas.hashes;
    secret_area_ = areas.secret;
    reset_address_ = TRY(sev_reset_address(image, table));
    if (!common_.kernel_hashes || !has_kernel) return {};
    if (!hash_area_)
        return Error::make(
                   "%s: kernel-hashes=on, kernel specified but guest firmware has no hashes table GUID",
                   id().c_str())
            .with_hint("take OVMF built for it (OvmfPkg/AmdSev), or kernel-hashes=off");
    if (hash_area_->size < kKernelHashesSize)
        return Error::make("%s: the firmware's area for kernel hashes has %u bytes, %zu are needed",
                           id().c_str(), hash_area_->size, kKernelHashesSize);
    if ((hash_area_->base & (kPageSize - 1)) + kKernelHashesSize > kPageSize)
        return Error::make("%s: the firmware's area for kernel hashes at 0x%x crosses a page", id().c_str(),
                           hash_area_->base);
    return {};
}

std::vector<CpuidMask> BaseGuest::cpuid_masks(const HostCpu&) const {
    return {};
}

Status BaseGuest::check_cpuid(CpuidPolicy& policy, const HostCpu& host) {
    uint32_t position = common_.cbitpos.value_or(kUsualCbit);
    if (!host.planned && !host.anything) position = TRY(check_cbit(id(), common_.cbitpos, host_cbit()));
    policy.xlevel = std::max(policy.xlevel, kEncryptionLeaf);
    policy.more_leaves.push_back({.function = kEncryptionLeaf,
                                  .eax = technology_bits(),
                                  .ebx = (position & 0x3f) | common_.reduced_phys_bits << 6});
    return {};
}

// KVM hands out the guest's request: bits 15:12 are the set of codes, bits 23:16 the code (GHCB
// specification, section 2.3.1, "termination request").
std::optional<kvm::ExitAction> BaseGuest::handle_exit(kvm::Vcpu& vcpu, const GuestWorld& world) {
    const kvm_run& run = vcpu.page();
    if (run.exit_reason != KVM_EXIT_SYSTEM_EVENT || run.system_event.type != KVM_SYSTEM_EVENT_SEV_TERM)
        return std::nullopt;
    constexpr const char* kReasons[] = {"", ", the GHCB protocol has no version that it knows",
                                        ", SEV-SNP has not what it needs"};
    const uint64_t request = run.system_event.ndata != 0 ? run.system_event.data[0] : 0;
    const auto set = static_cast<uint32_t>(request >> 12 & 0xf);
    const auto code = static_cast<uint32_t>(request >> 16 & 0xff);
    log_error("%s: vCPU %u: the guest asked for its end: reason set %u, code %u%s", id().c_str(),
              vcpu.index().raw(), set, code, set == 0 && code < std::size(kReasons) ? kReasons[code] : "");
    world.requests.request_shutdown(ShutdownCause::GuestPanic);
    return kvm::ExitAction::Park;
}

Status BaseGuest::open_device(kvm::Vm& vm) {
    device_ = TRY(Device::open(vm.door(), common_.device));
    commands_.emplace(vm, device_->fd());
    return {};
}

uint64_t BaseGuest::wanted_features() const {
    if (common_.vmsa_features) return *common_.vmsa_features & ~abi::kSevFeatureSnpActive;
    return common_.debug_swap ? abi::kSevFeatureDebugSwap : 0;
}

Status BaseGuest::check_vmsa_features(kvm::Vm& vm, uint64_t features) {
    if (features == 0) return {};
    const uint64_t known = device_attribute(vm.kvm(), abi::kSevVmsaFeatures).value_or(0);
    if ((features & ~known) == 0) return {};
    return Error::make(
               "%s: this host's kernel does not take the save area's features 0x%llx (it takes 0x%llx)",
               id().c_str(), static_cast<unsigned long long>(features & ~known),
               static_cast<unsigned long long>(known))
        .with_hint("debug-swap takes Linux 6.11 and an EPYC of the fourth generation, secure-tsc Linux 6.18");
}

std::optional<std::vector<uint8_t>> BaseGuest::hashes_page(const LaunchMedia& media) const {
    if (!common_.kernel_hashes || !media.kernel || !hash_area_) return std::nullopt;
    const LaunchKernel& kernel = *media.kernel;
    const std::vector<uint8_t> hashes = kernel_hashes(kernel.kernel, kernel.initrd, kernel.command_line);
    std::vector<uint8_t> page(kPageSize);
    std::copy(hashes.begin(), hashes.end(), page.begin() + (hash_area_->base & (kPageSize - 1)));
    return page;
}

Status BaseGuest::needs_started() const {
    if (commands_) return {};
    return Error::make("%s needs KVM", id().c_str()).with_hint("use -accel kvm");
}

}  // namespace vmm::sev
