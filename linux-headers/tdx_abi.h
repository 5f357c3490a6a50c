// KVM's binary interface for TDX guests (Linux 6.16 and later): the commands of KVM_MEMORY_ENCRYPT_OP, their
// structures, and the exits that only TDs have. Our own definitions; sizes and offsets are checked at the
// end. Header only; used by target/i386/confidential and tests.
#pragma once

#include <cstddef>
#include <cstdint>

#include "linux-headers/encrypt_abi.h"
#include "linux-headers/kvm_abi.h"

namespace vmm::abi {

// EncryptCommand::id. The first two are requests of the VM, as is finalizing; the others of a vCPU.
inline constexpr uint32_t kTdxCapabilities = 0;
inline constexpr uint32_t kTdxInitVm = 1;
inline constexpr uint32_t kTdxInitVcpu = 2;  // data: the value of RCX, the address of the TD HOB
inline constexpr uint32_t kTdxInitMemRegion = 3;
inline constexpr uint32_t kTdxFinalizeVm = 4;
inline constexpr uint32_t kTdxGetCpuid = 5;

// EncryptCommand::flags of kTdxInitMemRegion.
inline constexpr uint32_t kTdxMeasureRegion = 1u << 0;

// Followed by a list of CPUID entries whose bits are those that can be configured.
struct TdxCapabilities {
    uint64_t supported_attributes;
    uint64_t supported_xfam;
    uint64_t kernel_call_info_r11;  // TDVMCALLs beyond the base that the kernel serves itself
    uint64_t user_call_info_r11;    // and that it hands to user space
    uint64_t kernel_call_info_r12;
    uint64_t user_call_info_r12;
    uint64_t reserved[250];
    CpuidList cpuid;
};

// Followed by CPUID entries.
struct TdxInitVm {
    uint64_t attributes;
    uint64_t xfam;
    uint64_t mrconfigid[6];
    uint64_t mrowner[6];
    uint64_t mrownerconfig[6];
    uint64_t reserved[12];
    CpuidList cpuid;
};

// The kernel moves it on as it goes: what is left is to be asked again.
struct TdxInitMemRegion {
    uint64_t source;
    uint64_t gpa;
    uint64_t pages;
};

inline constexpr uint64_t kTdAttributeDebug = uint64_t{1} << 0;
inline constexpr uint64_t kTdAttributeSeptVeDisable = uint64_t{1} << 28;
inline constexpr uint64_t kTdAttributePks = uint64_t{1} << 30;
inline constexpr uint64_t kTdAttributePerfmon = uint64_t{1} << 63;

// KVM_EXIT_TDX: calls of the guest that user space serves, named by `number`.
inline constexpr uint32_t kExitTdx = 40;
inline constexpr uint64_t kTdVmCallGetInfo = 0x10000;
inline constexpr uint64_t kTdVmCallGetQuote = 0x10002;
inline constexpr uint64_t kTdVmCallSetupEventNotify = 0x10004;

struct TdxExit {
    uint64_t flags;
    uint64_t number;
    uint64_t result;  // written by user space; the kernel has put "no such call" there
    union {
        struct {
            uint64_t gpa;
            uint64_t size;
        } get_quote;
        struct {
            uint64_t leaf;
            uint64_t r11, r12, r13, r14;
        } get_info;
        struct {
            uint64_t vector;
        } setup_event_notify;
    };
};

// What calls answer.
inline constexpr uint64_t kTdVmCallSuccess = 0;
inline constexpr uint64_t kTdVmCallRetry = 1;
inline constexpr uint64_t kTdVmCallInvalidOperand = uint64_t{1} << 63;
inline constexpr uint64_t kTdVmCallGpaInUse = (uint64_t{1} << 63) + 1;
inline constexpr uint64_t kTdVmCallAlignError = (uint64_t{1} << 63) + 2;

// In r11 of the answer to GetTdVmCallInfo, leaf 1.
inline constexpr uint64_t kTdVmCallHasGetQuote = uint64_t{1} << 0;
inline constexpr uint64_t kTdVmCallHasSetupEventNotify = uint64_t{1} << 1;

// KVM_EXIT_SYSTEM_EVENT of a TD that gave up: data[] holds the sixteen general registers.
inline constexpr uint32_t kSystemEventTdxFatal = 7;  // next to KVM_SYSTEM_EVENT_SEV_TERM, which is 6

static_assert(sizeof(TdxCapabilities) == 2048 + 8 && offsetof(TdxCapabilities, reserved) == 48);
static_assert(sizeof(TdxInitVm) == 256 + 8 && offsetof(TdxInitVm, mrconfigid) == 16);
static_assert(offsetof(TdxInitVm, mrownerconfig) == 112 && offsetof(TdxInitVm, cpuid) == 256);
static_assert(sizeof(TdxInitMemRegion) == 24);
static_assert(offsetof(TdxExit, result) == 16 && offsetof(TdxExit, get_quote.size) == 32);
static_assert(offsetof(TdxExit, get_info.r14) == 56);

}  // namespace vmm::abi
