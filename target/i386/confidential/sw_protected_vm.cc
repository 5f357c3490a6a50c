// The smallest confidential guest; see sw_protected_vm.h.
#include "target/i386/confidential/sw_protected_vm.h"

#include "linux-headers/kvm_abi.h"

namespace vmm {

SwProtectedVm::SwProtectedVm(std::string id, Visibility default_memory) : ConfidentialGuest(std::move(id)) {
    requirements_.vm_type = abi::kVmSwProtected;
    requirements_.vm_type_name = "sw-protected-vm";
    requirements_.private_memory = true;
    requirements_.map_gpa_hypercalls = true;
    requirements_.faults_ask_for_conversion = false;  // the attributes alone say what is private
    requirements_.forbids_smm = true;
    requirements_.modern_virtio = true;
    requirements_.access_platform = true;
    requirements_.initial_visibility = default_memory;
}

}  // namespace vmm
