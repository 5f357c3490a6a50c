// Initial extended state; see xsave.h. Layout: SDM vol. 1, 13.4.
#include "target/i386/kvm/xsave.h"

namespace vmm::kvm {

namespace {
// Offsets in 32-bit words.
constexpr unsigned kControlAndStatus = 0;  // FCW, FSW
constexpr unsigned kMxcsr = 24 / 4;
constexpr unsigned kStateBitmap = 512 / 4;  // XSTATE_BV

constexpr uint32_t kFcwReset = 0x37f;
constexpr uint32_t kMxcsrReset = 0x1f80;
constexpr uint32_t kX87AndSse = 3;
}  // namespace

abi::Xsave reset_xsave() {
    abi::Xsave area{};
    area.region[kControlAndStatus] = kFcwReset;
    area.region[kMxcsr] = kMxcsrReset;
    area.region[kStateBitmap] = kX87AndSse;  // the other components are absent: in their initial state
    return area;
}

kvm_xcrs reset_xcrs() {
    kvm_xcrs registers{};
    registers.nr_xcrs = 1;
    registers.xcrs[0].xcr = 0;
    registers.xcrs[0].value = 1;  // x87
    return registers;
}

}  // namespace vmm::kvm
