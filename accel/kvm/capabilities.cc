// Capability answers, asked once; see capabilities.h.
#include "accel/kvm/capabilities.h"

#include "accel/kvm/ioctls.h"

namespace vmm::kvm {

void Capabilities::set_descriptor(int fd) {
    Locked lock(mutex_);
    fd_ = fd;
}

int Capabilities::value(int capability) {
    Locked lock(mutex_);
    auto known = answers_.find(capability);
    if (known != answers_.end()) return known->second;
    Result<int> got = ioctl_call<KVM_CHECK_EXTENSION>(door_, fd_, static_cast<Long>(capability));
    int answer = got ? *got : 0;
    if (fd_ < 0) return answer;
    answers_.emplace(capability, answer);
    return answer;
}

}  // namespace vmm::kvm
