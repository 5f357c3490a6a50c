// The argument type of every KVM request this program makes, written once: a call with another type does not
// compile (util/ioctl.h). "Long" requests take their argument by value; those without one are void.
// Structures that end in a list (CPUID, MSRs, routes) are passed as their head. The only file that pairs the
// two.
#pragma once

#include "linux-headers/encrypt_abi.h"
#include "linux-headers/kvm_abi.h"
#include "util/ioctl.h"

namespace vmm {

namespace kvm {
template <typename Argument>
struct IoctlRow {
    using type = Argument;
};
using Long = unsigned long;
// KVM_SET_IDENTITY_MAP_ADDR reads a 64-bit number through a pointer.
struct Address {
    uint64_t value;
};
// What MCG_CAP shall read, through a pointer too.
struct Banks {
    uint64_t capability;
};
}  // namespace kvm

// Requests of /dev/kvm.
template <>
struct IoctlArg<KVM_GET_API_VERSION> : kvm::IoctlRow<void> {
    static constexpr const char* name = "KVM_GET_API_VERSION";
};
template <>
struct IoctlArg<KVM_CHECK_EXTENSION> : kvm::IoctlRow<kvm::Long> {
    static constexpr const char* name = "KVM_CHECK_EXTENSION";
};
template <>
struct IoctlArg<KVM_CREATE_VM> : kvm::IoctlRow<kvm::Long> {
    static constexpr const char* name = "KVM_CREATE_VM";
};
template <>
struct IoctlArg<KVM_GET_VCPU_MMAP_SIZE> : kvm::IoctlRow<void> {
    static constexpr const char* name = "KVM_GET_VCPU_MMAP_SIZE";
};
template <>
struct IoctlArg<KVM_GET_DEVICE_ATTR> : kvm::IoctlRow<kvm_device_attr> {
    static constexpr const char* name = "KVM_GET_DEVICE_ATTR";
};
template <>
struct IoctlArg<abi::kGetSupportedCpuid> : kvm::IoctlRow<abi::CpuidList> {
    static constexpr const char* name = "KVM_GET_SUPPORTED_CPUID";
};
template <>
struct IoctlArg<abi::kGetMsrIndexList> : kvm::IoctlRow<abi::MsrIndices> {
    static constexpr const char* name = "KVM_GET_MSR_INDEX_LIST";
};
template <>
struct IoctlArg<abi::kGetMsrFeatureIndexList> : kvm::IoctlRow<abi::MsrIndices> {
    static constexpr const char* name = "KVM_GET_MSR_FEATURE_INDEX_LIST";
};

// Requests of a VM.
template <>
struct IoctlArg<KVM_CREATE_VCPU> : kvm::IoctlRow<kvm::Long> {
    static constexpr const char* name = "KVM_CREATE_VCPU";
};
template <>
struct IoctlArg<KVM_SET_USER_MEMORY_REGION> : kvm::IoctlRow<kvm_userspace_memory_region> {
    static constexpr const char* name = "KVM_SET_USER_MEMORY_REGION";
};
template <>
struct IoctlArg<abi::kSetUserMemoryRegion2> : kvm::IoctlRow<abi::UserMemoryRegion2> {
    static constexpr const char* name = "KVM_SET_USER_MEMORY_REGION2";
};
template <>
struct IoctlArg<abi::kSetMemoryAttributes> : kvm::IoctlRow<abi::MemoryAttributes> {
    static constexpr const char* name = "KVM_SET_MEMORY_ATTRIBUTES";
};
template <>
struct IoctlArg<abi::kCreateGuestMemfd> : kvm::IoctlRow<abi::CreateGuestMemfd> {
    static constexpr const char* name = "KVM_CREATE_GUEST_MEMFD";
};
template <>
struct IoctlArg<KVM_SET_TSS_ADDR> : kvm::IoctlRow<kvm::Long> {
    static constexpr const char* name = "KVM_SET_TSS_ADDR";
};
template <>
struct IoctlArg<KVM_SET_IDENTITY_MAP_ADDR> : kvm::IoctlRow<kvm::Address> {
    static constexpr const char* name = "KVM_SET_IDENTITY_MAP_ADDR";
};
template <>
struct IoctlArg<KVM_CREATE_IRQCHIP> : kvm::IoctlRow<void> {
    static constexpr const char* name = "KVM_CREATE_IRQCHIP";
};
template <>
struct IoctlArg<KVM_CREATE_PIT2> : kvm::IoctlRow<kvm_pit_config> {
    static constexpr const char* name = "KVM_CREATE_PIT2";
};
template <>
struct IoctlArg<KVM_GET_PIT2> : kvm::IoctlRow<kvm_pit_state2> {
    static constexpr const char* name = "KVM_GET_PIT2";
};
template <>
struct IoctlArg<KVM_SET_PIT2> : kvm::IoctlRow<kvm_pit_state2> {
    static constexpr const char* name = "KVM_SET_PIT2";
};
template <>
struct IoctlArg<KVM_REINJECT_CONTROL> : kvm::IoctlRow<kvm_reinject_control> {
    static constexpr const char* name = "KVM_REINJECT_CONTROL";
};
template <>
struct IoctlArg<KVM_GET_IRQCHIP> : kvm::IoctlRow<kvm_irqchip> {
    static constexpr const char* name = "KVM_GET_IRQCHIP";
};
template <>
struct IoctlArg<KVM_SET_IRQCHIP> : kvm::IoctlRow<kvm_irqchip> {
    static constexpr const char* name = "KVM_SET_IRQCHIP";
};
template <>
struct IoctlArg<KVM_ENABLE_CAP> : kvm::IoctlRow<kvm_enable_cap> {
    static constexpr const char* name = "KVM_ENABLE_CAP";
};
template <>
struct IoctlArg<KVM_SET_TSC_KHZ> : kvm::IoctlRow<kvm::Long> {
    static constexpr const char* name = "KVM_SET_TSC_KHZ";
};
template <>
struct IoctlArg<KVM_IRQ_LINE> : kvm::IoctlRow<kvm_irq_level> {
    static constexpr const char* name = "KVM_IRQ_LINE";
};
template <>
struct IoctlArg<KVM_SIGNAL_MSI> : kvm::IoctlRow<kvm_msi> {
    static constexpr const char* name = "KVM_SIGNAL_MSI";
};
template <>
struct IoctlArg<abi::kSetGsiRouting> : kvm::IoctlRow<abi::IrqRouting> {
    static constexpr const char* name = "KVM_SET_GSI_ROUTING";
};
template <>
struct IoctlArg<KVM_IRQFD> : kvm::IoctlRow<kvm_irqfd> {
    static constexpr const char* name = "KVM_IRQFD";
};
template <>
struct IoctlArg<KVM_IOEVENTFD> : kvm::IoctlRow<kvm_ioeventfd> {
    static constexpr const char* name = "KVM_IOEVENTFD";
};
template <>
struct IoctlArg<KVM_GET_CLOCK> : kvm::IoctlRow<kvm_clock_data> {
    static constexpr const char* name = "KVM_GET_CLOCK";
};
template <>
struct IoctlArg<KVM_SET_CLOCK> : kvm::IoctlRow<kvm_clock_data> {
    static constexpr const char* name = "KVM_SET_CLOCK";
};

// What protects the guest: requests of the VM, and of its vCPUs for TDX.
template <>
struct IoctlArg<abi::kMemoryEncryptOp> : kvm::IoctlRow<abi::EncryptCommand> {
    static constexpr const char* name = "KVM_MEMORY_ENCRYPT_OP";
};
template <>
struct IoctlArg<abi::kMemoryEncryptRegister> : kvm::IoctlRow<abi::EncryptRegion> {
    static constexpr const char* name = "KVM_MEMORY_ENCRYPT_REG_REGION";
};
template <>
struct IoctlArg<abi::kMemoryEncryptUnregister> : kvm::IoctlRow<abi::EncryptRegion> {
    static constexpr const char* name = "KVM_MEMORY_ENCRYPT_UNREG_REGION";
};

// Requests of a VM or a vCPU.
template <>
struct IoctlArg<KVM_GET_STATS_FD> : kvm::IoctlRow<void> {
    static constexpr const char* name = "KVM_GET_STATS_FD";
};

// Requests of a vCPU.
template <>
struct IoctlArg<KVM_RUN> : kvm::IoctlRow<void> {
    static constexpr const char* name = "KVM_RUN";
};
template <>
struct IoctlArg<KVM_TRANSLATE> : kvm::IoctlRow<kvm_translation> {
    static constexpr const char* name = "KVM_TRANSLATE";
};
template <>
struct IoctlArg<KVM_X86_SETUP_MCE> : kvm::IoctlRow<kvm::Banks> {
    static constexpr const char* name = "KVM_X86_SETUP_MCE";
};
template <>
struct IoctlArg<KVM_GET_REGS> : kvm::IoctlRow<kvm_regs> {
    static constexpr const char* name = "KVM_GET_REGS";
};
template <>
struct IoctlArg<KVM_SET_REGS> : kvm::IoctlRow<kvm_regs> {
    static constexpr const char* name = "KVM_SET_REGS";
};
template <>
struct IoctlArg<KVM_GET_SREGS> : kvm::IoctlRow<kvm_sregs> {
    static constexpr const char* name = "KVM_GET_SREGS";
};
template <>
struct IoctlArg<KVM_SET_SREGS> : kvm::IoctlRow<kvm_sregs> {
    static constexpr const char* name = "KVM_SET_SREGS";
};
template <>
struct IoctlArg<abi::kGetMsrs> : kvm::IoctlRow<abi::MsrValues> {
    static constexpr const char* name = "KVM_GET_MSRS";
};
template <>
struct IoctlArg<abi::kSetMsrs> : kvm::IoctlRow<abi::MsrValues> {
    static constexpr const char* name = "KVM_SET_MSRS";
};
template <>
struct IoctlArg<abi::kGetXsave> : kvm::IoctlRow<abi::Xsave> {
    static constexpr const char* name = "KVM_GET_XSAVE";
};
template <>
struct IoctlArg<abi::kSetXsave> : kvm::IoctlRow<abi::Xsave> {
    static constexpr const char* name = "KVM_SET_XSAVE";
};
template <>
struct IoctlArg<KVM_GET_XCRS> : kvm::IoctlRow<kvm_xcrs> {
    static constexpr const char* name = "KVM_GET_XCRS";
};
template <>
struct IoctlArg<KVM_SET_XCRS> : kvm::IoctlRow<kvm_xcrs> {
    static constexpr const char* name = "KVM_SET_XCRS";
};
template <>
struct IoctlArg<KVM_GET_LAPIC> : kvm::IoctlRow<kvm_lapic_state> {
    static constexpr const char* name = "KVM_GET_LAPIC";
};
template <>
struct IoctlArg<KVM_SET_LAPIC> : kvm::IoctlRow<kvm_lapic_state> {
    static constexpr const char* name = "KVM_SET_LAPIC";
};
template <>
struct IoctlArg<abi::kSetCpuid2> : kvm::IoctlRow<abi::CpuidList> {
    static constexpr const char* name = "KVM_SET_CPUID2";
};
template <>
struct IoctlArg<abi::kGetCpuid2> : kvm::IoctlRow<abi::CpuidList> {
    static constexpr const char* name = "KVM_GET_CPUID2";
};
template <>
struct IoctlArg<KVM_GET_MP_STATE> : kvm::IoctlRow<kvm_mp_state> {
    static constexpr const char* name = "KVM_GET_MP_STATE";
};
template <>
struct IoctlArg<KVM_SET_MP_STATE> : kvm::IoctlRow<kvm_mp_state> {
    static constexpr const char* name = "KVM_SET_MP_STATE";
};
template <>
struct IoctlArg<KVM_GET_VCPU_EVENTS> : kvm::IoctlRow<kvm_vcpu_events> {
    static constexpr const char* name = "KVM_GET_VCPU_EVENTS";
};
template <>
struct IoctlArg<KVM_SET_VCPU_EVENTS> : kvm::IoctlRow<kvm_vcpu_events> {
    static constexpr const char* name = "KVM_SET_VCPU_EVENTS";
};
template <>
struct IoctlArg<KVM_GET_DEBUGREGS> : kvm::IoctlRow<kvm_debugregs> {
    static constexpr const char* name = "KVM_GET_DEBUGREGS";
};
template <>
struct IoctlArg<KVM_SET_DEBUGREGS> : kvm::IoctlRow<kvm_debugregs> {
    static constexpr const char* name = "KVM_SET_DEBUGREGS";
};
template <>
struct IoctlArg<KVM_INTERRUPT> : kvm::IoctlRow<kvm_interrupt> {
    static constexpr const char* name = "KVM_INTERRUPT";
};
template <>
struct IoctlArg<KVM_NMI> : kvm::IoctlRow<void> {
    static constexpr const char* name = "KVM_NMI";
};
template <>
struct IoctlArg<KVM_KVMCLOCK_CTRL> : kvm::IoctlRow<void> {
    static constexpr const char* name = "KVM_KVMCLOCK_CTRL";
};
template <>
struct IoctlArg<abi::kPreFaultMemory> : kvm::IoctlRow<abi::PreFaultMemory> {
    static constexpr const char* name = "KVM_PRE_FAULT_MEMORY";
};

}  // namespace vmm
