// Which kinds of protected guests there are; see rules_priv.h. KVM's list of VM types decides; the rest
// explains a no.
#include "linux-headers/kvm_abi.h"
#include "system/control/doctor/rules_priv.h"
#include "util/text.h"

namespace vmm::doctor {

namespace {

// What all of AMD's kinds take. False: it makes no sense to look further.
bool need_amd(const HostFacts& facts, bool flag, const char* kind, Causes& causes) {
    const CpuFacts& cpu = facts.cpu;
    if (cpu.vendor != "AuthenticAMD" && cpu.vendor != "HygonGenuine") {
        causes.need(false, strf("the processor is not AMD's (%s)", cpu.vendor.c_str()),
                    strf("%s takes an AMD EPYC processor", kind));
        return false;
    }
    if (!flag) {
        causes.need(!cpu.hypervisor, strf("this host is a virtual machine, and %s cannot be nested", kind),
                    "run on the machine itself");
        causes.need(cpu.hypervisor, strf("the processor does not report %s", kind),
                    "turn on SME/SEV (SMEE) in the BIOS; it takes an EPYC processor of a generation that "
                    "has it");
        return false;
    }
    causes.need_kvm(facts);
    causes.need(facts.modules.count("kvm_amd") != 0, "the module kvm_amd is not loaded", "modprobe kvm_amd");
    causes.need_config(facts.kernel, "CONFIG_KVM_AMD_SEV");
    causes.need_config(facts.kernel, "CONFIG_CRYPTO_DEV_SP_PSP");
    causes.need_parameter(facts, "kvm_amd", "npt");
    causes.need_parameter(facts, "kvm_amd", "sev");
    return true;
}

// The guest is launched through the security processor's node.
void need_sev_node(const HostFacts& facts, Causes& causes) {
    if (facts.sev_node.opens()) return;
    Cause cause =
        node_cause(facts.sev_node, "there is no /dev/sev: the security processor's driver found none",
                   "modprobe ccp, and turn on the PSP (security processor) in the BIOS");
    causes.need(false, std::move(cause.reason), std::move(cause.remedy));
}

unsigned es_asids(const CpuFacts& cpu) {
    return cpu.first_sev_asid > 0 ? cpu.first_sev_asid - 1 : 0;
}
unsigned sev_asids(const CpuFacts& cpu) {
    return cpu.asids >= cpu.first_sev_asid && cpu.first_sev_asid > 0 ? cpu.asids - cpu.first_sev_asid + 1 : 0;
}

void need_es_asids(const HostFacts& facts, Causes& causes) {
    causes.need(es_asids(facts.cpu) != 0, "no ASIDs are set aside for guests with encrypted state",
                "raise \"Minimum SEV non-ES ASID\" in the BIOS above 1");
}

// /dev/sev belongs to the launch, whatever KVM offers.
bool usable(const HostFacts& facts, uint32_t vm_type, const char* parameter) {
    const bool offered = facts.kvm.offers(vm_type) || facts.parameter_on(strf("kvm_amd.%s", parameter));
    return facts.kvm.ordinary.made && offered && facts.sev_node.opens();
}

std::string amd_detail(const HostFacts& facts, unsigned asids) {
    return strf("%u guests at once; cbitpos=%u,reduced-phys-bits=%u", asids, facts.cpu.encryption_bit,
                facts.cpu.lost_phys_bits);
}

}  // namespace

Finding judge_sw_protected(const HostFacts& facts) {
    Causes causes;
    causes.need_kvm(facts);
    causes.need_kernel(facts.kernel, 6, 8);
    causes.need_config(facts.kernel, "CONFIG_KVM_SW_PROTECTED_VM");
    causes.need_second_level_paging(facts);
    return conclude("sw-protected-vm", "Software-protected guests (for development, no protection)",
                    facts.kvm.offers(abi::kVmSwProtected) && facts.kvm.ordinary.made, {}, std::move(causes),
                    "KVM does not offer the type; its kernel probably lacks CONFIG_KVM_SW_PROTECTED_VM");
}

Finding judge_sev(const HostFacts& facts) {
    Causes causes;
    if (need_amd(facts, facts.cpu.sev, "SEV", causes)) {
        causes.need(sev_asids(facts.cpu) != 0, "all ASIDs are set aside for SEV-ES and SEV-SNP",
                    "lower \"Minimum SEV non-ES ASID\" in the BIOS, or use sev-es or sev-snp");
        need_sev_node(facts, causes);
    }
    const bool available = usable(facts, abi::kVmSev, "sev") && sev_asids(facts.cpu) != 0;
    return conclude("sev", "AMD SEV guests", available, amd_detail(facts, sev_asids(facts.cpu)),
                    std::move(causes), "KVM does not offer SEV although processor and module have it");
}

Finding judge_sev_es(const HostFacts& facts) {
    Causes causes;
    if (need_amd(facts, facts.cpu.sev_es, "SEV-ES", causes)) {
        causes.need_kernel(facts.kernel, 5, 11);
        causes.need_parameter(facts, "kvm_amd", "sev_es");
        causes.need_parameter(facts, "kvm", "mmio_caching");
        need_es_asids(facts, causes);
        need_sev_node(facts, causes);
    }
    const bool available = usable(facts, abi::kVmSevEs, "sev_es") && es_asids(facts.cpu) != 0;
    return conclude("sev-es", "AMD SEV-ES guests", available, amd_detail(facts, es_asids(facts.cpu)),
                    std::move(causes), "KVM does not offer SEV-ES although processor and module have it");
}

Finding judge_sev_snp(const HostFacts& facts) {
    Causes causes;
    if (need_amd(facts, facts.cpu.sev_snp, "SEV-SNP", causes)) {
        causes.need_kernel(facts.kernel, 6, 11);
        causes.need_parameter(facts, "kvm_amd", "sev_es");
        causes.need_parameter(facts, "kvm_amd", "sev_snp");
        need_es_asids(facts, causes);
        need_sev_node(facts, causes);
        causes.need(facts.iommu_groups != 0, "the IOMMU is off, which SEV-SNP needs",
                    "turn on the IOMMU and SNP support (\"SEV-SNP Support\", \"SNP Memory Coverage\") in the "
                    "BIOS, and boot without amd_iommu=off and iommu=pt");
    }
    const bool available = facts.kvm.ordinary.made && facts.kvm.offers(abi::kVmSnp) && facts.sev_node.opens();
    return conclude(
        "sev-snp", "AMD SEV-SNP guests", available, amd_detail(facts, es_asids(facts.cpu)), std::move(causes),
        "the kernel did not initialize SNP: the BIOS may have reserved no RMP table (\"SNP Memory "
        "Coverage\"), or the security processor's firmware is older than 1.51");
}

Finding judge_tdx(const HostFacts& facts) {
    const CpuFacts& cpu = facts.cpu;
    Causes causes;
    if (cpu.vendor != "GenuineIntel") {
        causes.need(false, strf("the processor is not Intel's (%s)", cpu.vendor.c_str()),
                    "TDX takes an Intel Xeon processor of the 4th generation (some), 5th or later");
    } else {
        causes.need_kvm(facts);
        causes.need_kernel(facts.kernel, 6, 16);
        causes.need_config(facts.kernel, "CONFIG_INTEL_TDX_HOST");
        causes.need_config(facts.kernel, "CONFIG_KVM_INTEL_TDX");
        causes.need(cpu.tdx_host_platform || !cpu.hypervisor,
                    "this host is a virtual machine, and TDX cannot be nested", "run on the machine itself");
        causes.need(cpu.tdx_host_platform || cpu.hypervisor, "the processor has no keys set aside for TDX",
                    "turn on TME-MT, SGX and TDX in the BIOS and give TDX keys (\"TME-MT/TDX key split\" of "
                    "at least 1)");
        causes.need(facts.modules.count("kvm_intel") != 0, "the module kvm_intel is not loaded",
                    "modprobe kvm_intel");
        causes.need_parameter(facts, "kvm_intel", "tdx");
        causes.need_parameter(facts, "kvm_intel", "ept");
        causes.need_parameter(facts, "kvm", "tdp_mmu");
        causes.need_parameter(facts, "kvm", "mmio_caching");
        causes.need(!facts.kernel.hibernation, "the kernel can hibernate, and TDX does not start then",
                    "boot with nohibernate");
    }
    const bool available = facts.kvm.ordinary.made && facts.kvm.offers(abi::kVmTdx);
    auto keys = facts.capacity.find("tdx");
    std::string detail;
    if (keys != facts.capacity.end())
        detail = strf("%llu guests at once", static_cast<unsigned long long>(keys->second));
    return conclude("tdx", "Intel TDX guests", available, std::move(detail), std::move(causes),
                    "the TDX module did not start: it may be missing from the BIOS, or too old");
}

}  // namespace vmm::doctor
