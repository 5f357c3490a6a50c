// Memory attributes and pre-faulting; see attributes.h.
#include "accel/kvm/attributes.h"

namespace vmm::kvm {

[[gnu::hot]] Status KvmAttributes::set_visibility(GpaRange range, Visibility visibility) {
    abi::MemoryAttributes argument{};
    argument.address = range.first().raw();
    argument.size = range.size();
    argument.attributes = visibility == Visibility::Private ? abi::kMemoryAttributePrivate : 0;
    TRY(vm_.ioctl<abi::kSetMemoryAttributes>(argument));
    return {};
}

void KvmAttributes::prefault(GpaRange range) {
    int vcpu_fd = current_vcpu_ ? current_vcpu_() : -1;
    if (vcpu_fd < 0 || !vm_.capabilities().has(abi::kCapPreFaultMemory)) return;
    abi::PreFaultMemory argument{};
    argument.gpa = range.first().raw();
    argument.size = range.size();
    while (argument.size != 0) {
        uint64_t left = argument.size;
        if (!ioctl_call<abi::kPreFaultMemory>(vm_.door(), vcpu_fd, argument)) return;
        if (argument.size >= left) return;  // a kernel that does not move on
    }
}

}  // namespace vmm::kvm
