// Whether KVM itself is there, and its memory interfaces; see rules_priv.h.
#include <cerrno>

#include "linux-headers/kvm_abi.h"
#include "system/control/doctor/rules_priv.h"
#include "util/text.h"

namespace vmm::doctor {

namespace {

constexpr int kApiVersion = 12;

void explain_missing_device(const HostFacts& facts, Causes& causes) {
    const CpuFacts& cpu = facts.cpu;
    if (!cpu.vmx && !cpu.svm) {
        causes.need(!cpu.hypervisor, "this host is a virtual machine without nested virtualization",
                    "turn on nested virtualization for it in the outer hypervisor");
        causes.need(cpu.hypervisor, "the processor has no virtualization extensions, or the BIOS hides them",
                    "turn on VT-x or AMD-V (SVM) in the BIOS");
    }
    const char* module = cpu.svm ? "kvm_amd" : "kvm_intel";
    if (cpu.vmx || cpu.svm)
        causes.need(facts.modules.count(module) != 0, strf("the module %s is not loaded", module),
                    strf("modprobe %s; a BIOS that locks the extensions off shows in dmesg", module));
    causes.need_config(facts.kernel, "CONFIG_KVM");
}

}  // namespace

Finding judge_kvm(const HostFacts& facts) {
    const KvmFacts& kvm = facts.kvm;
    Causes causes;
    if (!kvm.node.opens()) {
        const bool absent =
            kvm.node.open_errno == ENOENT || kvm.node.open_errno == ENODEV || kvm.node.open_errno == ENXIO;
        if (absent) explain_missing_device(facts, causes);
        if (causes.empty()) {
            Cause cause = node_cause(kvm.node, "there is no " + kvm.node.path, "modprobe kvm");
            causes.need(false, std::move(cause.reason), std::move(cause.remedy));
        }
    } else if (kvm.api_version != kApiVersion) {
        causes.need(false, strf("%s speaks version %d of its interface, not %d", kvm.node.path.c_str(),
                                kvm.api_version, kApiVersion));
    } else if (!kvm.ordinary.made) {
        causes.need(kvm.ordinary.make_errno != EBUSY, "another hypervisor uses the processor's extensions",
                    "end it (VirtualBox, VMware) and try again");
    }
    const bool available = kvm.node.opens() && kvm.api_version == kApiVersion && kvm.ordinary.made;
    return conclude("kvm", "Ordinary virtual machines (KVM)", available,
                    strf("up to %u vCPUs, %u memory slots", kvm.max_vcpus, kvm.memory_slots),
                    std::move(causes), strf("KVM_CREATE_VM fails (error %d)", kvm.ordinary.make_errno));
}

Finding judge_guest_memfd(const HostFacts& facts) {
    Causes causes;
    causes.need_kvm(facts);
    causes.need_kernel(facts.kernel, 6, 8);
    if (facts.kernel.config_known && facts.kernel.config.count("CONFIG_KVM_PRIVATE_MEM") == 0)
        causes.need_config(facts.kernel, "CONFIG_KVM_GUEST_MEMFD");
    const bool any = facts.kvm.ordinary.guest_memfd || facts.kvm.sw_protected.guest_memfd ||
                     facts.kvm.offers(abi::kVmSnp) || facts.kvm.offers(abi::kVmTdx);
    std::string detail =
        facts.kvm.ordinary.guest_memfd ? "for ordinary and protected guests" : "for protected guests";
    if (facts.kvm.ordinary.guest_memfd_flags != 0)
        detail +=
            strf(", flags 0x%llx", static_cast<unsigned long long>(facts.kvm.ordinary.guest_memfd_flags));
    return conclude("guest-memfd", "guest_memfd", any, std::move(detail), std::move(causes),
                    "KVM does not offer KVM_CAP_GUEST_MEMFD");
}

Finding judge_mappable_guest_memfd(const HostFacts& facts) {
    constexpr uint64_t kWanted = abi::kGuestMemfdMmap | abi::kGuestMemfdInitShared;
    Causes causes;
    causes.need_kvm(facts);
    causes.need_kernel(facts.kernel, 6, 18);
    return conclude("guest-memfd-mmap", "Memory that is a guest_memfd (memory-backend-guest-memfd)",
                    (facts.kvm.ordinary.guest_memfd_flags & kWanted) == kWanted, {}, std::move(causes),
                    "KVM does not offer the flags MMAP and INIT_SHARED");
}

Finding judge_private_memory(const HostFacts& facts) {
    Causes causes;
    causes.need_kvm(facts);
    const bool of_protected = (facts.kvm.sw_protected.attributes & abi::kMemoryAttributePrivate) != 0;
    const bool hardware = facts.kvm.offers(abi::kVmSnp) || facts.kvm.offers(abi::kVmTdx);
    causes.need(false, "no kind of VM that has private memory is offered",
                "see sw-protected-vm, sev-snp and tdx above");
    return conclude("private-memory", "Memory that changes between private and shared",
                    of_protected || hardware, "by memory attributes of the VM", std::move(causes), {});
}

Finding judge_in_place_conversion(const HostFacts& facts) {
    constexpr const char* kParameter = "kvm.gmem_in_place_conversion";
    Causes causes;
    causes.need_kvm(facts);
    causes.need(facts.parameters.count(kParameter) != 0, "this kernel cannot convert guest_memfd in place",
                "install a kernel whose kvm module has the parameter gmem_in_place_conversion");
    causes.need_parameter(facts, "kvm", "gmem_in_place_conversion");
    return conclude("in-place-conversion", "Conversion in place (one copy of memory that changes sides)",
                    facts.parameter_on(kParameter), {}, std::move(causes), "the kernel does not offer it");
}

Finding judge_pre_fault(const HostFacts& facts) {
    Causes causes;
    causes.need_kvm(facts);
    causes.need_kernel(facts.kernel, 6, 11);
    causes.need_second_level_paging(facts);
    return conclude("pre-fault", "Mapping guest memory before it is touched (KVM_PRE_FAULT_MEMORY)",
                    facts.kvm.ordinary.pre_fault || facts.kvm.sw_protected.pre_fault, {}, std::move(causes),
                    "KVM does not offer KVM_CAP_PRE_FAULT_MEMORY");
}

}  // namespace vmm::doctor
