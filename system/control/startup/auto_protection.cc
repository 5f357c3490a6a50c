// Choosing what protects the guest; see auto_protection.h.
#include "system/control/startup/auto_protection.h"

#include "system/control/doctor/read_facts.h"
#include "util/log.h"

namespace vmm {

namespace {

constexpr const char* kId = "auto";
constexpr uint32_t kNoDebug = 1u << 0, kEncryptedState = 1u << 2;  // of SEV's policy

template <typename Properties>
Properties sev_properties(const doctor::HostFacts& facts) {
    Properties properties{};
    properties.cbitpos = facts.cpu.encryption_bit;
    properties.reduced_phys_bits = facts.cpu.lost_phys_bits;
    return properties;
}

}  // namespace

Result<qapi::ObjectOptions> choose_protection(const doctor::HostFacts& facts,
                                              const doctor::Diagnosis& diagnosis) {
    const std::string& strongest = diagnosis.strongest;
    if (strongest == "tdx")
        return qapi::ObjectOptions{
            .qom_type = qapi::ObjectType::TdxGuest, .id = kId, .u = qapi::TdxGuestProperties()};
    if (strongest == "sev-snp")
        return qapi::ObjectOptions{.qom_type = qapi::ObjectType::SevSnpGuest,
                                   .id = kId,
                                   .u = sev_properties<qapi::SevSnpGuestProperties>(facts)};
    if (strongest == "sev-es" || strongest == "sev") {
        auto properties = sev_properties<qapi::SevGuestProperties>(facts);
        properties.policy = kNoDebug | (strongest == "sev-es" ? kEncryptedState : 0);
        return qapi::ObjectOptions{.qom_type = qapi::ObjectType::SevGuest, .id = kId, .u = properties};
    }
    if (strongest == "sw-protected-vm")
        return qapi::ObjectOptions{
            .qom_type = qapi::ObjectType::SwProtectedVm, .id = kId, .u = qapi::SwProtectedVmProperties()};
    return Error::make("-machine confidential-guest-support=auto: this host cannot protect guests")
        .with_hint("penumbra -doctor says why");
}

Status take_auto_protection(Configuration& configuration, IoctlDoor& kernel) {
    const doctor::HostFacts facts = doctor::read_host(kernel, configuration.accels.front().device);
    return take_protection(TRY(choose_protection(facts, doctor::evaluate(facts))), configuration);
}

Status take_protection(qapi::ObjectOptions chosen, Configuration& configuration) {
    const std::string type(to_text(chosen.qom_type));
    if (chosen.qom_type == qapi::ObjectType::SwProtectedVm)
        log_warning("confidential-guest-support=auto: %s, which does not protect from this host's kernel",
                    type.c_str());
    else
        log_info("confidential-guest-support=auto: %s", type.c_str());
    configuration.machine.confidential_guest_support = chosen.id;
    configuration.confidential = std::move(chosen);
    return {};
}

}  // namespace vmm
