// Commands about encrypted guests; see query_commands.h.
#include "accel/kvm/kvm.h"
#include "linux-headers/kvm_abi.h"
#include "qapi/commands_conversion.h"
#include "qapi/commands_misc_i386.h"
#include "system/control/startup/machine_view.h"
#include "system/control/startup/query_commands.h"
#include "target/i386/confidential/sev/platform.h"
#include "target/i386/confidential/sev/sev_guest.h"
#include "target/i386/confidential/sev/snp_guest.h"
#include "util/base64.h"
#include "util/text.h"

namespace vmm {

namespace {

// The guest as what it is; null when it is something else.
template <typename Guest>
Guest* guest_of(MachineView& view, std::string_view type) {
    ConfidentialGuest* guest = view.confidential();
    return guest != nullptr && guest->type() == type ? static_cast<Guest*>(guest) : nullptr;
}

sev::SevGuest* sev_guest(MachineView& view) {
    return guest_of<sev::SevGuest>(view, "sev-guest");
}

Result<qapi::SevInfo> query_sev(MachineView& view) {
    qapi::SevInfo out;
    out.enabled = true;
    if (const sev::SevGuest* guest = sev_guest(view)) {
        const sev::SevGuest::Info info = guest->info();
        out.api_major = info.api_major;
        out.api_minor = info.api_minor;
        out.build_id = info.build;
        out.state = static_cast<qapi::SevState>(info.state);
        out.sev_type = qapi::SevGuestType::Sev;
        out.u = qapi::SevGuestInfo{.policy = info.policy, .handle = info.handle};
        return out;
    }
    const auto* snp = guest_of<sev::SnpGuest>(view, "sev-snp-guest");
    if (snp == nullptr) return Error::make("SEV not enabled for guest");
    const sev::PlatformVersion version = snp->platform();
    out.api_major = version.api_major;
    out.api_minor = version.api_minor;
    out.build_id = version.build;
    using State = sev::SnpGuest::State;
    out.state = snp->state() == State::Running        ? qapi::SevState::Running
                : snp->state() == State::LaunchUpdate ? qapi::SevState::LaunchUpdate
                                                      : qapi::SevState::Uninit;
    out.sev_type = qapi::SevGuestType::SevSnp;
    out.u = qapi::SevSnpGuestInfo{.snp_policy = snp->config().policy};
    return out;
}

Result<qapi::SevLaunchMeasureInfo> query_measure(MachineView& view) {
    const sev::SevGuest* guest = sev_guest(view);
    if (guest == nullptr) return Error::make("SEV launch measurement is not available");
    if (guest->measurement().empty()) return Error::make("SEV launch measurement is not available");
    return qapi::SevLaunchMeasureInfo{.data = to_base64(guest->measurement())};
}

Result<qapi::SevCapability> query_capabilities(MachineView& view, IoctlDoor& host) {
    std::string device = "/dev/sev";
    if (const auto& object = view.configuration().confidential) {
        if (const auto* sev = std::get_if<qapi::SevGuestProperties>(&object->u))
            device = sev->sev_device.value_or(device);
        if (const auto* snp = std::get_if<qapi::SevSnpGuestProperties>(&object->u))
            device = snp->sev_device.value_or(device);
    }
    sev::HostPlatform platform = TRY(sev::read_platform(host, device, sev::host_cbit()));
    return qapi::SevCapability{.pdh = to_base64(platform.pdh),
                               .cert_chain = to_base64(platform.certificates),
                               .cpu0_id = to_base64(platform.cpu0_id),
                               .cbitpos = platform.cbitpos,
                               .reduced_phys_bits = 1};
}

Result<qapi::TdxCapability> query_tdx_capabilities(MachineView& view, IoctlDoor& host) {
    const auto kvm = TRY(kvm::Kvm::open(host, view.configuration().accels.front().device));
    const auto types = static_cast<uint32_t>(kvm->capabilities().value(abi::kCapVmTypes));
    if ((types >> abi::kVmTdx & 1) == 0) return kvm::vm_type_error(abi::kVmTdx, "tdx", types);
    return qapi::TdxCapability{};
}

Status inject_secret(MachineView& view, const qapi::SevInjectLaunchSecretArguments& asked) {
    sev::SevGuest* guest = sev_guest(view);
    if (guest == nullptr) return Error::make("SEV not enabled for guest");
    auto header = from_base64(asked.packet_header);
    if (!header) return std::move(header).take_error().while_doing("Parameter 'packet-header'");
    auto secret = from_base64(asked.secret);
    if (!secret) return std::move(secret).take_error().while_doing("Parameter 'secret'");
    return guest->inject_secret(*header, *secret, asked.gpa);
}

Result<qapi::SevAttestationReport> attestation_report(MachineView& view, const std::string& mnonce) {
    sev::SevGuest* guest = sev_guest(view);
    if (guest == nullptr) return Error::make("SEV is not enabled");
    auto nonce = from_base64(mnonce);
    if (!nonce) return std::move(nonce).take_error().while_doing("Parameter 'mnonce'");
    return qapi::SevAttestationReport{.data = to_base64(TRY(guest->attestation_report(*nonce)))};
}

// Out of band: on the monitor's thread. The guest is there before any monitor and outlives them.
Result<qapi::LaunchInfo> query_launch(MachineView& view) {
    static_assert(static_cast<int>(qapi::LaunchState::Failed) == static_cast<int>(LaunchState::Failed));
    ConfidentialGuest* guest = view.confidential();
    if (guest == nullptr) return Error::make("nothing protects this guest");
    const LaunchProgress& progress = guest->progress();
    return qapi::LaunchInfo{.type = std::string(guest->type()),
                            .state = static_cast<qapi::LaunchState>(progress.state()),
                            .processors = progress.processors(),
                            .bytes = progress.bytes(),
                            .total_bytes = progress.total_bytes()};
}

}  // namespace

std::optional<std::string> migration_blocker(MachineView& view) {
    const ConfidentialGuest* guest = view.confidential();
    if (guest == nullptr) return std::nullopt;
    return strf("%s is a %s, whose memory cannot be taken to another host", guest->id().c_str(),
                std::string(guest->type()).c_str());
}

void watch_launch(ConfidentialGuest& guest, qapi::EventSink& events) {
    guest.progress().set_watcher([&events](LaunchState state) {
        qapi::emit<qapi::PenumbraLaunchEvent>(events, {.state = static_cast<qapi::LaunchState>(state)});
    });
}

void register_confidential_commands(qapi::CommandTable& table, MachineView& view, IoctlDoor& host) {
    table.add<qapi::PenumbraQueryLaunchCommand>([&view] { return query_launch(view); });
    table.add<qapi::QuerySevCommand>([&view] { return query_sev(view); });
    table.add<qapi::QuerySevLaunchMeasureCommand>([&view] { return query_measure(view); });
    table.add<qapi::QuerySevCapabilitiesCommand>([&view, &host] { return query_capabilities(view, host); });
    table.add<qapi::QueryTdxCapabilitiesCommand>(
        [&view, &host] { return query_tdx_capabilities(view, host); });
    table.add<qapi::SevInjectLaunchSecretCommand>(
        [&view](const qapi::SevInjectLaunchSecretArguments& asked) { return inject_secret(view, asked); });
    table.add<qapi::QuerySevAttestationReportCommand>(
        [&view](const qapi::QuerySevAttestationReportArguments& asked) {
            return attestation_report(view, asked.mnonce);
        });
}

}  // namespace vmm
