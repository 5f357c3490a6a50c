// KVM's binary interface for guests that the hardware protects: the one request through which SEV, SEV-ES,
// SEV-SNP and TDX are launched. The commands of each are in sev_abi.h and tdx_abi.h. Header only.
#pragma once

#include <linux/kvm.h>

#include <cstddef>
#include <cstdint>

namespace vmm::abi {

// The argument of KVM_MEMORY_ENCRYPT_OP. SEV: `flags` is padding, `tail` holds the firmware's error (low
// half, out) and the descriptor of /dev/sev (high half). TDX: `tail` is the module's error (out).
struct EncryptCommand {
    uint32_t id;
    uint32_t flags;
    uint64_t data;
    uint64_t tail;
};

// Host memory that is to be pinned (SEV, SEV-ES).
struct EncryptRegion {
    uint64_t address;
    uint64_t size;
};

inline constexpr unsigned long kMemoryEncryptOp = _IOWR(KVMIO, 0xba, unsigned long);
inline constexpr unsigned long kMemoryEncryptRegister = _IOR(KVMIO, 0xbb, EncryptRegion);
inline constexpr unsigned long kMemoryEncryptUnregister = _IOR(KVMIO, 0xbc, EncryptRegion);

static_assert(sizeof(EncryptCommand) == 24 && offsetof(EncryptCommand, data) == 8);
static_assert(kMemoryEncryptOp == 0xc008aeba);
static_assert(kMemoryEncryptRegister == 0x8010aebb && kMemoryEncryptUnregister == 0x8010aebc);

}  // namespace vmm::abi
