// The TDX commands of KVM_MEMORY_ENCRYPT_OP as typed calls: what the kernel can do, making the TD, its vCPUs
// and its first pages, ending the launch. Errors name the command and, when the TDX module refused, its
// status; the hints say what the usual cause is. Main thread, vCPUs paused.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "linux-headers/tdx_abi.h"
#include "target/i386/cpu/cpuid_set.h"
#include "util/result.h"

namespace vmm::kvm {
class Vm;
class Vcpu;
}  // namespace vmm::kvm

namespace vmm::tdx {

// KVM_TDX_CAPABILITIES.
struct TdxCaps {
    uint64_t attributes = 0;
    uint64_t xfam = 0;
    uint64_t kernel_r11 = 0, user_r11 = 0;  // calls served by the kernel, and by this program
    uint64_t kernel_r12 = 0, user_r12 = 0;
    CpuidSet configurable;
};
Result<TdxCaps> read_capabilities(kvm::Vm& vm);

// KVM_TDX_INIT_VM; `head.cpuid` is filled in. Asked again while the module waits for random numbers.
Status init_vm(kvm::Vm& vm, const abi::TdxInitVm& head, std::span<const CpuidEntry> entries);
// rcx: the first vCPU finds the TD HOB there.
Status init_vcpu(kvm::Vcpu& vcpu, uint64_t rcx);
// What CPUID shows in the TD.
Result<CpuidSet> read_cpuid(kvm::Vcpu& vcpu);

enum class Measure : bool { No, Yes };
// The pages must be private and not yet there; contents are whole pages in page-aligned memory.
Status add_pages(kvm::Vcpu& vcpu, uint64_t gpa, std::span<const uint8_t> contents, Measure measure);
Status finalize(kvm::Vm& vm);

}  // namespace vmm::tdx
