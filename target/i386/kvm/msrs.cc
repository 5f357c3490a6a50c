// Reset values and the call; see msrs.h.
#include "target/i386/kvm/msrs.h"

#include "accel/kvm/list_block.h"

namespace vmm::kvm {

namespace {
constexpr uint64_t kPatReset = 0x0007040600070406;
constexpr uint64_t kFastStrings = 1;

// SDM vol. 3A table 10-1 and vol. 4; the KVM registers by their own documentation.
constexpr Msr kReset[] = {
    {0x10, 0},   // TSC
    {0x3b, 0},   // TSC_ADJUST
    {0x48, 0},   // SPEC_CTRL
    {0x174, 0},  // SYSENTER_CS
    {0x175, 0},  // SYSENTER_ESP
    {0x176, 0},  // SYSENTER_EIP
    {0x17a, 0},  // MCG_STATUS
    {0x1a0, kFastStrings},
    {0x1d9, 0},  // DEBUGCTL
    {0x200, 0},
    {0x201, 0},
    {0x202, 0},
    {0x203, 0},
    {0x204, 0},
    {0x205, 0},
    {0x206, 0},
    {0x207, 0},
    {0x208, 0},
    {0x209, 0},
    {0x20a, 0},
    {0x20b, 0},
    {0x20c, 0},
    {0x20d, 0},
    {0x20e, 0},
    {0x20f, 0},
    {0x250, 0},
    {0x258, 0},
    {0x259, 0},
    {0x268, 0},
    {0x269, 0},
    {0x26a, 0},
    {0x26b, 0},
    {0x26c, 0},
    {0x26d, 0},
    {0x26e, 0},
    {0x26f, 0},
    {0x277, kPatReset},
    {0x2ff, 0},       // MTRR_DEF_TYPE
    {0x38d, 0},       // FIXED_CTR_CTRL
    {0x38f, 0},       // PERF_GLOBAL_CTRL
    {0xda0, 0},       // XSS
    {0xc0000081, 0},  // STAR
    {0xc0000082, 0},  // LSTAR
    {0xc0000083, 0},  // CSTAR
    {0xc0000084, 0},  // SFMASK
    {0xc0000102, 0},  // KERNEL_GS_BASE
    {0xc0000103, 0},  // TSC_AUX
    {0x4b564d00, 0},  // KVM wall clock
    {0x4b564d01, 0},  // KVM system time
    {0x4b564d02, 0},  // KVM asynchronous page faults
    {0x4b564d03, 0},  // KVM steal time
    {0x4b564d04, 0},  // KVM end of interrupt
    {0x4b564d05, 1},  // KVM polling: on
    {0x4b564d06, 0},  // KVM asynchronous page fault vector
};
}  // namespace

std::span<const Msr> reset_msrs() {
    return kReset;
}

Status set_msrs(Vcpu& vcpu, std::span<const Msr> msrs, Unknown unknown) {
    while (!msrs.empty()) {
        ListBlock<abi::MsrValues, kvm_msr_entry> list(msrs.size());
        list.head().count = static_cast<uint32_t>(msrs.size());
        for (size_t i = 0; i < msrs.size(); i++) {
            list.entries(msrs.size())[i].index = msrs[i].first;
            list.entries(msrs.size())[i].data = msrs[i].second;
        }
        auto done = static_cast<size_t>(TRY(vcpu.ioctl<abi::kSetMsrs>(list.head())));
        if (done >= msrs.size()) break;
        if (unknown == Unknown::Refuse) {
            return Error::make("KVM_SET_MSRS: this host does not take 0x%llx for register 0x%x",
                               static_cast<unsigned long long>(msrs[done].second), msrs[done].first);
        }
        msrs = msrs.subspan(done + 1);
    }
    return {};
}

}  // namespace vmm::kvm
