// KVM's binary interface beyond what Debian 12's <linux/kvm.h> (Linux 6.1) knows: guest_memfd, memory
// attributes, VM types, memory-fault exits. Our own definitions, in a namespace of their own so that newer
// system headers do not clash; everything older comes from <linux/kvm.h> itself. Sizes, offsets and request
// numbers are checked at the end of the file. Header only; used by accel/kvm, target/i386 and tests.
#pragma once

#include <linux/kvm.h>

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace vmm::abi {

// Capabilities, asked of the VM descriptor: several depend on the VM's type.
inline constexpr int kCapExitHypercall = 201;     // mask of hypercalls that can be handed to user space
inline constexpr int kCapUserMemory2 = 231;       // KVM_SET_USER_MEMORY_REGION2
inline constexpr int kCapMemoryFaultInfo = 232;   // KVM_EXIT_MEMORY_FAULT
inline constexpr int kCapMemoryAttributes = 233;  // mask of kMemoryAttribute*
inline constexpr int kCapGuestMemfd = 234;        // KVM_CREATE_GUEST_MEMFD
inline constexpr int kCapVmTypes = 235;           // mask of VM types
inline constexpr int kCapPreFaultMemory = 236;    // KVM_PRE_FAULT_MEMORY
inline constexpr int kCapGuestMemfdFlags = 244;   // mask of kGuestMemfd*

// Arguments of KVM_CREATE_VM.
inline constexpr uint32_t kVmDefault = 0;
inline constexpr uint32_t kVmSwProtected = 1;
inline constexpr uint32_t kVmSev = 2;
inline constexpr uint32_t kVmSevEs = 3;
inline constexpr uint32_t kVmSnp = 4;
inline constexpr uint32_t kVmTdx = 5;

inline constexpr uint32_t kExitMemoryFault = 39;

// A memory slot with both sides: ordinary host memory (shared) and a guest_memfd (private).
struct UserMemoryRegion2 {
    uint32_t slot;
    uint32_t flags;
    uint64_t guest_phys_addr;
    uint64_t memory_size;
    uint64_t userspace_addr;
    uint64_t guest_memfd_offset;
    uint32_t guest_memfd;
    uint32_t pad1;
    uint64_t pad2[14];
};
inline constexpr uint32_t kMemGuestMemfd = 1u << 2;  // next to KVM_MEM_LOG_DIRTY_PAGES, KVM_MEM_READONLY

struct MemoryAttributes {
    uint64_t address;
    uint64_t size;
    uint64_t attributes;
    uint64_t flags;
};
inline constexpr uint64_t kMemoryAttributePrivate = 1u << 3;

struct CreateGuestMemfd {
    uint64_t size;
    uint64_t flags;
    uint64_t reserved[6];
};
inline constexpr uint64_t kGuestMemfdMmap = 1u << 0;
inline constexpr uint64_t kGuestMemfdInitShared = 1u << 1;

// The kernel moves gpa and size on as it goes: what is left is to be asked again.
struct PreFaultMemory {
    uint64_t gpa;
    uint64_t size;
    uint64_t flags;
    uint64_t padding[5];
};

// What kvm_run holds after the exits that the old header lacks or spells differently.
struct MemoryFaultExit {
    uint64_t flags;
    uint64_t gpa;
    uint64_t size;
};
inline constexpr uint64_t kMemoryExitPrivate = 1u << 3;

struct HypercallExit {
    uint64_t number;
    uint64_t args[6];
    uint64_t result;  // written by user space
    uint64_t flags;   // bit 0: 64-bit mode
};
inline constexpr uint64_t kHypercallMapGpaRange = 12;
inline constexpr uint64_t kMapGpaRangeEncrypted = 1u << 4;  // in args[2]; bits 3:0 are a page size hint
inline constexpr uint64_t kMapGpaRangeSupportedBits = 0x1f;

// Heads of arguments that end in a list; the entries follow directly. The system header's own structures are
// larger in C++ than in C (an empty structure has a size there), which would change the request numbers.
struct CpuidList {  // kvm_cpuid_entry2 each
    uint32_t count;
    uint32_t padding;
};
struct MsrValues {  // kvm_msr_entry each
    uint32_t count;
    uint32_t padding;
};
struct MsrIndices {  // uint32_t each
    uint32_t count;
};
struct IrqRouting {  // kvm_irq_routing_entry each
    uint32_t count;
    uint32_t flags;
};
// The extended state in its legacy size; the system's structure has a list behind it as well.
struct Xsave {
    uint32_t region[1024];
};

template <typename Entry, typename Head>
Entry* list_entries(Head& head) {
    using Untyped = std::conditional_t<std::is_const_v<Head>, const void, void>;
    static_assert(sizeof(Head) % alignof(Entry) == 0);
    return static_cast<Entry*>(static_cast<Untyped*>(&head + 1));
}

// Requests.
inline constexpr unsigned long kGetMsrIndexList = _IOWR(KVMIO, 0x02, MsrIndices);
inline constexpr unsigned long kGetSupportedCpuid = _IOWR(KVMIO, 0x05, CpuidList);
inline constexpr unsigned long kGetMsrFeatureIndexList = _IOWR(KVMIO, 0x0a, MsrIndices);
inline constexpr unsigned long kSetGsiRouting = _IOW(KVMIO, 0x6a, IrqRouting);
inline constexpr unsigned long kGetMsrs = _IOWR(KVMIO, 0x88, MsrValues);
inline constexpr unsigned long kSetMsrs = _IOW(KVMIO, 0x89, MsrValues);
inline constexpr unsigned long kSetCpuid2 = _IOW(KVMIO, 0x90, CpuidList);
inline constexpr unsigned long kGetCpuid2 = _IOWR(KVMIO, 0x91, CpuidList);
inline constexpr unsigned long kGetXsave = _IOR(KVMIO, 0xa4, Xsave);
inline constexpr unsigned long kSetXsave = _IOW(KVMIO, 0xa5, Xsave);
inline constexpr unsigned long kSetUserMemoryRegion2 = _IOW(KVMIO, 0x49, UserMemoryRegion2);
inline constexpr unsigned long kSetMemoryAttributes = _IOW(KVMIO, 0xd2, MemoryAttributes);
inline constexpr unsigned long kCreateGuestMemfd = _IOWR(KVMIO, 0xd4, CreateGuestMemfd);
inline constexpr unsigned long kPreFaultMemory = _IOWR(KVMIO, 0xd5, PreFaultMemory);

// The payload of an exit, where the union of kvm_run begins.
template <typename Exit>
Exit& exit_payload(kvm_run& run) {
    static_assert(sizeof(Exit) <= sizeof(run.padding));
    return *static_cast<Exit*>(static_cast<void*>(run.padding));
}

static_assert(sizeof(UserMemoryRegion2) == 160);
static_assert(offsetof(UserMemoryRegion2, guest_phys_addr) == 8);
static_assert(offsetof(UserMemoryRegion2, userspace_addr) == 24);
static_assert(offsetof(UserMemoryRegion2, guest_memfd_offset) == 32);
static_assert(offsetof(UserMemoryRegion2, guest_memfd) == 40);
static_assert(offsetof(UserMemoryRegion2, pad2) == 48);
static_assert(sizeof(MemoryAttributes) == 32 && offsetof(MemoryAttributes, attributes) == 16);
static_assert(sizeof(CreateGuestMemfd) == 64 && offsetof(CreateGuestMemfd, flags) == 8);
static_assert(sizeof(PreFaultMemory) == 64 && offsetof(PreFaultMemory, flags) == 16);
static_assert(sizeof(MemoryFaultExit) == 24 && offsetof(MemoryFaultExit, gpa) == 8);
static_assert(sizeof(HypercallExit) == 72 && offsetof(HypercallExit, result) == 56);
static_assert(offsetof(kvm_run, padding) == 32 && offsetof(kvm_run, hypercall.ret) == 32 + 56);
static_assert(sizeof(CpuidList) == 8 && sizeof(MsrValues) == 8 && sizeof(MsrIndices) == 4 &&
              sizeof(IrqRouting) == 8);
static_assert(sizeof(kvm_cpuid_entry2) == 40 && sizeof(kvm_msr_entry) == 16 &&
              sizeof(kvm_irq_routing_entry) == 48);
static_assert(kGetSupportedCpuid == 0xc008ae05 && kSetCpuid2 == 0x4008ae90 && kGetCpuid2 == 0xc008ae91);
static_assert(kGetMsrs == 0xc008ae88 && kSetMsrs == 0x4008ae89 && kSetGsiRouting == 0x4008ae6a);
static_assert(kGetXsave == 0x9000aea4 && kSetXsave == 0x5000aea5);
static_assert(kGetMsrIndexList == 0xc004ae02 && kGetMsrFeatureIndexList == 0xc004ae0a);
static_assert(kSetUserMemoryRegion2 == 0x40a0ae49);
static_assert(kSetMemoryAttributes == 0x4020aed2);
static_assert(kCreateGuestMemfd == 0xc040aed4);
static_assert(kPreFaultMemory == 0xc040aed5);

}  // namespace vmm::abi
