// The save area of a processor (VMSA) as it is measured when an SEV-ES or SEV-SNP guest is launched: built
// from the registers that the vCPU was given, as KVM does it. AMD64 manual volume 2, table B-4. Pure.
#pragma once

#include <linux/kvm.h>

#include <array>
#include <cstdint>

#include "util/align.h"

namespace vmm::sev {

using VmsaPage = std::array<uint8_t, kPageSize>;

struct VmsaInputs {
    kvm_regs regs{};
    kvm_sregs sregs{};
    uint64_t dr6 = 0xffff0ff0;
    uint64_t dr7 = 0x400;
    uint64_t pat = 0x0007040600070406;
    uint64_t xcr0 = 1;
    uint64_t sev_features = 0;
    // The kernel copies the x87 and SSE state as well: Linux 6.10 with the VM types of SEV-ES and SEV-SNP.
    bool fpu_synced = true;
};

VmsaPage build_vmsa(const VmsaInputs& inputs);

}  // namespace vmm::sev
