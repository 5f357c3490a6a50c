// A processor's context in an IGVM file as registers. Pure.
#pragma once

#include "target/i386/confidential/igvm/file.h"
#include "target/i386/cpu/boot_state.h"

namespace vmm::igvm {

// IgvmNativeVpContextX64, of the boot processor.
Result<BootState> native_context(const VpContext& context);

struct EncryptedContext {
    BootState state;
    uint64_t sev_features = 0;
};
// A VMSA (AMD APM volume 2, table B-4) as KVM makes one from registers: what KVM sets by itself must be as it
// sets it, what it cannot set must be zero.
Result<EncryptedContext> vmsa_context(const VpContext& context);

}  // namespace vmm::igvm
