// KVM_HC_MAP_GPA_RANGE: the guest asks for a range of its memory to become private or shared. The request is
// checked as if the kernel had not, converted, and answered in the exit's page; a refusal is the guest's to
// deal with. Called on vCPU threads.
#pragma once

#include <optional>

#include "accel/kvm/exit_memory_fault.h"

namespace vmm::kvm {

struct HypercallAnswer {
    uint64_t result = 0;              // what the guest gets: 0 or a negative error number
    std::optional<Error> fatal = {};  // why the machine cannot go on
};
// Any hypercall that left to user space; unknown numbers get KVM's "no such call".
HypercallAnswer serve_hypercall(const abi::HypercallExit& call, GuestConverter* converter);

}  // namespace vmm::kvm
