// Launching an SEV-SNP guest; see snp_guest.h.
#include "target/i386/confidential/sev/snp_guest.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>

#include "accel/kvm/vcpu_set.h"
#include "accel/model/launch_record.h"
#include "target/i386/confidential/sev/cpuid_page.h"
#include "target/i386/confidential/sev/id_block.h"
#include "target/i386/confidential/until_served.h"
#include "target/i386/kvm/host_cpu.h"
#include "util/align.h"
#include "util/log.h"
#include "util/mmap.h"

namespace vmm::sev {

namespace {

PageType page_type(PageKind kind) {
    switch (kind) {
        case PageKind::Normal:
            return PageType::Normal;
        case PageKind::Unmeasured:
            return PageType::Unmeasured;
        case PageKind::Secrets:
            return PageType::Secrets;
        case PageKind::Cpuid:
            return PageType::Cpuid;
        case PageKind::Zero:
        case PageKind::Hob:
            break;
    }
    return PageType::Zero;
}

const char* kind_name(PageKind kind) {
    switch (kind) {
        case PageKind::Secrets:
            return "the secrets page";
        case PageKind::Cpuid:
            return "the CPUID page";
        case PageKind::Zero:
            return "empty pages";
        default:
            return "pages";
    }
}

// Page-aligned memory for one page.
Result<MappedRegion> one_page() {
    return MappedRegion::map(kPageSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
}

constexpr uint64_t kSnpActive = 1;  // of a save area's features: KVM's to set

}  // namespace

SnpGuest::SnpGuest(SnpConfig config)
    : BaseGuest(config.common), config_(std::move(config)), certificates_(config_.certs_path) {
    requirements_.vm_type = abi::kVmSnp;
    requirements_.vm_type_name = "sev-snp";
    requirements_.private_memory = true;
    requirements_.map_gpa_hypercalls = true;
    requirements_.kernel_lapic = true;
    requirements_.forbids_smm = true;
    requirements_.forbids_pflash = true;
    requirements_.forbids_readonly_memory = true;
    requirements_.firmware_required = true;
    requirements_.firmware_private = true;
    requirements_.cannot_reset = true;
    requirements_.launched = true;
    requirements_.cpu_state = CpuState::Measured;
    requirements_.phys_bits = PhysBitsRule::Reduced;
    requirements_.reduced_phys_bits = common_.reduced_phys_bits;
    requirements_.modern_virtio = true;
    requirements_.access_platform = true;
    requirements_.initial_visibility = Visibility::Private;
}

Result<std::unique_ptr<SnpGuest>> SnpGuest::create(SnpConfig config) {
    const char* id = config.common.id.c_str();
    auto named = [&](Status status) -> Status {
        if (status) return {};
        return std::move(status).take_error().while_doing("%s", id);
    };
    TRY(named(check_snp_policy(config.policy)));
    if (!config.id_block.empty()) {
        auto block = parse_id_block(config.id_block);
        if (!block) return std::move(block).take_error().while_doing("%s", id);
        if (block->policy != config.policy)
            return Error::make("%s: id-block was made for policy 0x%llx, policy is 0x%llx", id,
                               static_cast<unsigned long long>(block->policy),
                               static_cast<unsigned long long>(config.policy));
    }
    if (!config.id_auth.empty()) TRY(named(check_id_auth(config.id_auth, config.author_key_enabled)));
    if (config.id_block.empty() != config.id_auth.empty())
        return Error::make("%s: id-block and id-auth go together, one is missing", id);
    if (config.author_key_enabled && config.id_auth.empty())
        return Error::make("%s: author-key-enabled=on needs id-block and id-auth", id);
    if (config.tsc_frequency != 0 && !config.secure_tsc)
        return Error::make("%s: tsc-frequency needs secure-tsc=on", id);
    return std::make_unique<SnpGuest>(std::move(config));
}

uint32_t SnpGuest::technology_bits() const {
    return 1u << 1 | 1u << 3 | 1u << 4;  // SEV, SEV-ES, SEV-SNP
}

Status SnpGuest::prepare(std::span<const LaunchImage> firmware, bool has_kernel) {
    TRY(BaseGuest::prepare(firmware, has_kernel));
    const std::span<const uint8_t> image = firmware.front().bytes;
    metadata_ = TRY(parse_metadata(image, TRY(FirmwareTable::parse(image))));
    if (!metadata_.find(SectionType::Cpuid) || !metadata_.find(SectionType::Secrets))
        return Error::make("%s: the firmware's SEV metadata have no %s page", id().c_str(),
                           metadata_.find(SectionType::Cpuid) ? "secrets" : "CPUID");
    const Section* hashes = metadata_.find(SectionType::KernelHashes);
    if (common_.kernel_hashes && has_kernel && (!hashes || !hashes->range.contains(Gpa(hash_area_->base))))
        return Error::make(
            "%s: kernel-hashes=on, but the firmware's SEV metadata have no page for the hashes",
            id().c_str());
    return certificates_.check();
}

// Features of which the hardware or the kernel has no protected form.
std::vector<CpuidMask> SnpGuest::cpuid_masks(const HostCpu&) const {
    const char* reason = "not available to SEV-SNP guests";
    return {{.word = FeatureWord::F1Ecx, .clear = 1u << 24, .reason = reason},    // tsc-deadline
            {.word = FeatureWord::F7Ebx, .clear = 1u << 1, .reason = reason},     // tsc-adjust
            {.word = FeatureWord::F7Edx, .clear = 0xfc000000, .reason = reason},  // spec-ctrl up to ssbd
            {.word = FeatureWord::X8Ebx, .clear = 1u << 25, .reason = reason}};   // virt-ssbd
}

Status SnpGuest::set_tsc_frequency(kvm::Vm& vm) {
    if (config_.tsc_frequency == 0) return {};
    Result<int> done = vm.ioctl<KVM_SET_TSC_KHZ>(static_cast<kvm::Long>(config_.tsc_frequency / 1000));
    if (!done)
        return std::move(done).take_error().while_doing("%s: tsc-frequency=%u", id().c_str(),
                                                        config_.tsc_frequency);
    return {};
}

Status SnpGuest::take_igvm(const igvm::Terms& terms) {
    if (terms.vmsa_features) set_vmsa_features(*terms.vmsa_features & ~kSnpActive);
    if (terms.policy) {
        config_.policy = *terms.policy;
        Status possible = check_snp_policy(config_.policy);
        if (!possible) return std::move(possible).take_error().while_doing("%s: the IGVM file", id().c_str());
    }
    if (!terms.id_block) return {};
    if (!config_.id_block.empty())
        return Error::make("%s: id-block contradicts the ID block of the IGVM file", id().c_str());
    igvm::SnpIdPages pages = igvm::snp_id_pages(*terms.id_block, config_.policy);
    config_.id_block = std::move(pages.block);
    config_.id_auth = std::move(pages.authentication);
    config_.author_key_enabled = pages.author_key;
    return {};
}

Status SnpGuest::start(kvm::Vm& vm) {
    state_ = State::Uninitialized;
    TRY(open_device(vm));
    const abi::SevPlatformStatus platform = TRY(device_->status());
    platform_ = {platform.api_major, platform.api_minor, platform.build};
    Status taken = check_snp_policy(config_.policy, device_attribute(vm.kvm(), abi::kSevSnpPolicyBits));
    if (!taken) return std::move(taken).take_error().while_doing("%s", id().c_str());
    abi::SevInit init{};
    init.vmsa_features = wanted_features() | (config_.secure_tsc ? abi::kSevFeatureSecureTsc : 0);
    TRY(check_vmsa_features(vm, init.vmsa_features));
    TRY(commands_->call(abi::SevCommand::Init2, &init));
    if (!config_.certs_path.empty()) {
        if (device_attribute(vm.kvm(), abi::kSevSnpReqCerts).value_or(0) == 0)
            return Error::make("%s: certs-path: this kernel does not ask for certificates", id().c_str())
                .with_hint("it takes Linux 7.0 or later");
        TRY(commands_->call(abi::SevCommand::SnpEnableReqCerts, nullptr));
    }
    TRY(set_tsc_frequency(vm));
    abi::SnpLaunchStart launch{};
    launch.policy = config_.policy;
    std::copy(config_.visible_workarounds.begin(), config_.visible_workarounds.end(), launch.gosvw);
    TRY(commands_->call(abi::SevCommand::SnpLaunchStart, &launch));
    state_ = State::LaunchUpdate;
    return {};
}

Error SnpGuest::refused(const MeasuredPages& pages, uint64_t gpa, Error error) const {
    const int number = error.number();
    Error told = commands_->describe(abi::SevCommand::SnpLaunchUpdate, std::move(error));
    if (number == EEXIST)
        told = std::move(told).with_hint("two parts of the launch use the same page");
    else if (number == EINVAL)
        told = std::move(told).with_hint("is there private RAM at this address? -m may be too small");
    return std::move(told).while_doing("%s: %s '%s' at 0x%llx", id().c_str(), kind_name(pages.kind),
                                       pages.source.c_str(), static_cast<unsigned long long>(gpa));
}

// The kernel may stop early and says how far it came.
Status SnpGuest::add_pages(const MeasuredPages& pages) {
    abi::SnpLaunchUpdate update{};
    update.gfn = pages.range.first().raw() / kPageSize;
    update.address = reinterpret_cast<uintptr_t>(pages.contents.data());
    update.length = pages.range.size();
    update.type = static_cast<uint8_t>(page_type(pages.kind));
    if (record() != nullptr) record()->set_source(pages.source, pages.contents.data(), pages.source_offset);
    while (update.length != 0) {
        const uint64_t left = update.length;
        Result<int> done = until_served([&]() -> Result<int> {
            Result<int> tried = commands_->try_call(abi::SevCommand::SnpLaunchUpdate, &update);
            if (!tried && tried.error().number() == EAGAIN && update.length != left) return 0;
            return tried;
        });
        if (done && update.length == left) done = Error::from_errno(EAGAIN, "nothing was taken");
        if (!done) return refused(pages, update.gfn * kPageSize, std::move(done).take_error());
    }
    progress().given(pages.range.size());
    return {};
}

Status SnpGuest::add_cpuid_page(LaunchScene& scene, GpaRange range) {
    const std::vector<CpuidEntry> leaves = TRY(kvm::cpuid_of(scene.vcpus.vcpu(VcpuId(0))));
    const CpuidPage given = TRY(build_cpuid_page(leaves));
    MappedRegion page = TRY(one_page());
    std::copy(given.begin(), given.end(), page.bytes().begin());
    Status done =
        add_pages({.kind = PageKind::Cpuid, .range = range, .contents = page.bytes(), .source = "cpuid"});
    if (done) return done;
    if (commands_->firmware_error() != abi::kSevInvalidParameter) return done;
    std::string lines;
    for (const std::string& line : cpuid_corrections(given, page.bytes()))
        lines += (lines.empty() ? "" : "; ") + line;
    return Error::make("%s: the secure processor refuses the CPUID page: %s", id().c_str(), lines.c_str())
        .with_hint(
            "take a CPU model that this host has, such as EPYC-v4, or switch the features off in -cpu");
}

Status SnpGuest::add_section(LaunchScene& scene, const Section& section) {
    switch (section.type) {
        case SectionType::Cpuid:
            return add_cpuid_page(scene, section.range);
        case SectionType::Secrets:
            // The firmware fills it; the kernel wants an address all the same.
            {
                MappedRegion page = TRY(one_page());
                return add_pages({.kind = PageKind::Secrets,
                                  .range = section.range,
                                  .contents = page.bytes(),
                                  .source = "secrets"});
            }
        case SectionType::KernelHashes:
            if (common_.kernel_hashes) {
                MappedRegion page = TRY(one_page());
                if (const auto hashes = hashes_page(scene.media))
                    std::copy(hashes->begin(), hashes->end(), page.bytes().begin());
                return add_pages({.kind = PageKind::Normal,
                                  .range = section.range,
                                  .contents = page.bytes(),
                                  .source = "kernel-hashes"});
            }
            break;
        case SectionType::SecMemory:
        case SectionType::SvsmCallingArea:
            break;
    }
    return add_pages({.kind = PageKind::Zero, .range = section.range, .contents = {}, .source = "zero"});
}

Status SnpGuest::measure(LaunchScene& scene, std::span<const MeasuredPages> pages) {
    TRY(needs_started());
    for (const MeasuredPages& run : pages) {
        if (run.kind == PageKind::Cpuid && run.contents.empty()) {
            TRY(add_cpuid_page(scene, run.range));
        } else if (run.kind == PageKind::Secrets && run.contents.empty()) {
            TRY(add_section(scene, {SectionType::Secrets, run.range}));
        } else {
            TRY(add_pages(run));
        }
    }
    return {};
}

Status SnpGuest::launch(LaunchScene& scene) {
    TRY(needs_started());
    for (const LaunchImage& image : scene.media.firmware)
        progress().expect(image.range.size());
    for (const Section& section : metadata_.sections)
        progress().expect(section.range.size());
    for (const LaunchImage& image : scene.media.firmware)
        TRY(add_pages(
            {.kind = PageKind::Normal, .range = image.range, .contents = image.bytes, .source = image.name}));
    for (const Section& section : metadata_.sections)
        TRY(add_section(scene, section));
    return {};
}

Status SnpGuest::finish() {
    TRY(needs_started());
    abi::SnpLaunchFinish finish{};
    std::vector<uint8_t> block = config_.id_block, auth = config_.id_auth;
    if (!block.empty()) {
        finish.id_block_enabled = 1;
        finish.id_block_address = reinterpret_cast<uintptr_t>(block.data());
        finish.id_auth_address = reinterpret_cast<uintptr_t>(auth.data());
        finish.author_key_enabled = config_.author_key_enabled ? 1 : 0;
    }
    finish.vcek_disabled = config_.vcek_disabled ? 1 : 0;
    std::copy(config_.host_data.begin(), config_.host_data.end(), finish.host_data);
    Status done = commands_->call(abi::SevCommand::SnpLaunchFinish, &finish);
    if (!done) return std::move(done).take_error().while_doing("%s", id().c_str());
    state_ = State::Running;
    return {};
}

std::optional<kvm::ExitAction> SnpGuest::handle_exit(kvm::Vcpu& vcpu, const GuestWorld& world) {
    if (vcpu.page().exit_reason != abi::kExitSnpRequestCerts) return BaseGuest::handle_exit(vcpu, world);
    const Fd locked =
        certificates_.answer(abi::exit_payload<abi::SnpRequestCertsExit>(vcpu.page()), world.memory);
    if (!locked) return kvm::ExitAction::Resume;
    // The kernel takes the answer, makes the report that belongs to these certificates, and comes back at
    // once. The wish to come back stays set: it may be somebody else's as well, and the next round clears it.
    vcpu.set_immediate_exit(true);
    if (const int done = vcpu.run(); done != -EINTR)
        log_warning("%s: the answer to a request for certificates came back with %d", id().c_str(), done);
    return kvm::ExitAction::Resume;
}

}  // namespace vmm::sev
