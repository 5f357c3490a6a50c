// A TD and its processors; see guest.h. The launch is in launch.cc, the TD's calls are in vmcall.cc.
#include "target/i386/confidential/tdx/guest.h"

#include <algorithm>
#include <cstring>

#include "accel/kvm/vcpu.h"
#include "accel/kvm/vm.h"
#include "target/i386/confidential/tdx/cpuid_filter.h"
#include "target/i386/cpu/feature_names.h"
#include "util/log.h"

namespace vmm::tdx {

namespace {

constexpr int kCapApicBusCycles = 237;
constexpr uint64_t kCrystalCycleNs = 40;  // 25 MHz, which the TDX module gives every TD
constexpr uint32_t kSizesLeaf = 0x80000008;
constexpr FeatureBit kPks{FeatureWord::F7Ecx, 31};

Requirements needs_of_tds() {
    Requirements out;
    out.vm_type = abi::kVmTdx;
    out.vm_type_name = "tdx";
    out.private_memory = true;
    out.map_gpa_hypercalls = true;
    out.split_irqchip = true;
    out.kernel_lapic = true;
    out.forbids_smm = true;
    out.forbids_pic = true;
    out.forbids_pflash = true;
    out.forbids_readonly_memory = true;
    out.firmware_required = true;
    out.firmware_private = true;
    out.needs_host_cpu_model = true;
    out.x2apic = true;
    out.cannot_reset = true;
    out.launched = true;
    out.cpu_state = CpuState::Hidden;
    out.phys_bits = PhysBitsRule::OfHost;
    out.modern_virtio = true;
    out.access_platform = true;
    out.initial_visibility = Visibility::Private;
    return out;
}

void put_digest(uint64_t (&to)[6], const Sha384Digest& from) {
    static_assert(sizeof to == sizeof from);
    std::memcpy(to, from.data(), from.size());
}

}  // namespace

Result<std::unique_ptr<TdxGuest>> TdxGuest::create(Config config, EventLoop& loop) {
    const TdIdentity identity = TRY(decode_identity(config.td));
    (void)TRY(asked_attributes(config.td));
    if (config.quotes.address) {
        Status known = look_up_host(*config.quotes.address);
        if (!known) return std::move(known).take_error().while_doing("quote-generation-socket");
    }
    return std::make_unique<TdxGuest>(std::move(config), identity, loop);
}

TdxGuest::TdxGuest(Config config, const TdIdentity& identity, EventLoop& loop)
    : ConfidentialGuest(config.td.id),
      config_(std::move(config)),
      identity_(identity),
      requirements_(needs_of_tds()),
      quotes_(loop, config_.quotes, [this] { raise_event_interrupt(); }) {}

Status TdxGuest::prepare(std::span<const LaunchImage> firmware, bool) {
    if (firmware.empty()) return {};
    Result<Tdvf> parsed = parse_tdvf(firmware[0].bytes);
    if (!parsed) return std::move(parsed).take_error().while_doing("firmware '%s'", firmware[0].name.c_str());
    firmware_ = std::move(*parsed);
    return {};
}

Status TdxGuest::start(kvm::Vm& vm) {
    quotes_.cancel_all();
    {
        Locked lock(mutex_);
        event_interrupt_ = {};
    }
    vm_ = &vm;
    Result<TdxCaps> caps = read_capabilities(vm);
    if (!caps)
        return std::move(caps)
            .take_error()
            .while_doing("%s", id().c_str())
            .with_hint("the TDX module is not up: look for \"virt/tdx\" in the kernel's log");
    caps_ = std::move(*caps);
    return {};
}

Status TdxGuest::shape_cpu(CpuRequest& request) {
    if (request.model != "host" && request.model != "max")
        return Error::make("-cpu %s contradicts %s: a TD has the host's processor", request.model.c_str(),
                           id().c_str())
            .with_hint("use -cpu host");
    if (!request.pmu) request.pmu = false;
    if (!request.phys_bits) request.host_phys_bits = true;
    // Judged below, where it is known which features somebody asked for by name.
    enforce_ = request.enforce;
    request.enforce = false;
    named_.clear();
    for (const FeatureSetting& setting : request.features) {
        if (!setting.on) continue;
        const std::vector<FeatureBit> bits = feature_bits(setting.name);
        named_.insert(named_.end(), bits.begin(), bits.end());
    }
    return {};
}

std::vector<CpuidMask> TdxGuest::cpuid_masks(const HostCpu&) const {
    return td_cpuid_masks(
        {.configurable = caps_.configurable, .attributes = caps_.attributes, .xfam = caps_.xfam});
}

Status TdxGuest::check_cpuid(CpuidPolicy& policy, const HostCpu& host) {
    TRY(check_tsc_khz(policy.tsc_khz));
    // The host's processor less what a TD cannot have is what -cpu host means here.
    std::erase_if(policy.missing, [&](const MissingFeature& missing) {
        return missing.reason == kTdxLacks &&
               std::find(named_.begin(), named_.end(), missing.at) == named_.end();
    });
    if (enforce_ && !policy.missing.empty())
        return Error::make("-cpu enforce: %s: %s", policy.missing.front().reason.c_str(),
                           feature_text(policy.missing.front().at).c_str());
    // What the module cannot give goes away quietly: it is not something the user named.
    policy.xcr0 &= caps_.xfam;
    policy.xss &= caps_.xfam;
    processor_ = {
        .xcr0 = policy.xcr0, .xss = policy.xss, .pks = policy.features.test(kPks), .pmu = policy.pmu};
    tsc_khz_ = policy.tsc_khz;
    check_ = policy.check;
    const unsigned offered = host.supported.reg(kSizesLeaf, 0, CpuidRegister::Eax) >> 16 & 0xff;
    address_width_ = guest_address_width(offered != 0 ? offered : policy.phys_bits);
    return {};
}

Status TdxGuest::before_vcpus(kvm::Vm& vm, std::span<const CpuidEntry> cpuid) {
    choice_ = TRY(choose(config_.td, processor_, {.attributes = caps_.attributes, .xfam = caps_.xfam}));
    TRY(vm.enable(kCapApicBusCycles, "KVM_CAP_X86_APIC_BUS_CYCLES_NS", kCrystalCycleNs));
    if (tsc_khz_ != 0) TRY(vm.ioctl<KVM_SET_TSC_KHZ>(static_cast<kvm::Long>(tsc_khz_)));
    abi::TdxInitVm head{};
    head.attributes = choice_.attributes;
    head.xfam = choice_.xfam;
    put_digest(head.mrconfigid, identity_.mrconfigid);
    put_digest(head.mrowner, identity_.mrowner);
    put_digest(head.mrownerconfig, identity_.mrownerconfig);
    wanted_cpuid_.assign(cpuid.begin(), cpuid.end());
    std::vector<CpuidEntry> entries = wanted_cpuid_;
    set_guest_address_width(entries, address_width_);
    Status made = init_vm(vm, head, configurable_part(entries, caps_.configurable));
    if (!made) return std::move(made).take_error().while_doing("%s", id().c_str());
    return {};
}

// What the module made of the processors: the same for all, so the first is asked.
Status TdxGuest::add_vcpu(kvm::Vcpu& vcpu) {
    if (vcpu.index().raw() != 0) return {};
    Result<CpuidSet> actual = read_cpuid(vcpu);
    if (!actual) return std::move(actual).take_error().while_doing("%s", id().c_str());
    const std::vector<std::string> lines = td_cpuid_differences(wanted_cpuid_, *actual);
    if (enforce_ && !lines.empty()) return Error::make("-cpu enforce: %s", lines.front().c_str());
    if (!check_) return {};
    for (const std::string& line : lines)
        log_warning("%s", line.c_str());
    return {};
}

}  // namespace vmm::tdx
