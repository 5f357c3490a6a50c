// Capability answers, asked once; see capabilities.h.
#include "accel/kvm/capabilities.h"

#include "accel/kvm/ioctls.h"

namespace vmm::kvm {

int Capabilities::value(int capability) {
    Locked lock(mutex_);
    auto known = answers_.find(capability);
    if (known != answers_.end()) return known->second;
    Result<int> got = ioctl_call<KVM_CHECK_EXTENSION>(door_, fd_, static_cast<Long>(capability));
    int answer = got ? *got : 0;
    answers_.emplace(capability, answer);
    return answer;
}

}  // namespace vmm::kvm
