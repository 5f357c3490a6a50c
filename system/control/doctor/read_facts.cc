// The host read; see read_facts.h.
#include "system/control/doctor/read_facts.h"

#include <cpuid.h>
#include <fcntl.h>
#include <sys/resource.h>

#include <cerrno>

#include "accel/kvm/kvm.h"
#include "linux-headers/kvm_abi.h"
#include "system/control/doctor/read_files_priv.h"

namespace vmm::doctor {

namespace {

// AMD's leaf on memory encryption: numbers that no file has.
void read_encryption_leaf(CpuFacts& cpu) {
    unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
    if (__get_cpuid_count(0x8000001f, 0, &eax, &ebx, &ecx, &edx) == 0) return;
    cpu.encryption_bit = ebx & 0x3f;
    cpu.lost_phys_bits = ebx >> 6 & 0x3f;
    cpu.asids = ecx;
    cpu.first_sev_asid = edx;
}

std::optional<uint64_t> limit_of(decltype(RLIMIT_NOFILE) resource) {
    rlimit limit = {};
    if (::getrlimit(resource, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return std::nullopt;
    return limit.rlim_cur;
}

VmFacts ask_vm(IoctlDoor& door, kvm::Kvm& kvm, uint32_t type, const char* name) {
    VmFacts facts;
    Result<Fd> vm = kvm.create_vm(type, name);
    if (!vm) {
        facts.make_errno = vm.error().number();
        return facts;
    }
    kvm::Capabilities answers(door, vm->get());
    facts.made = true;
    facts.user_memory2 = answers.has(abi::kCapUserMemory2);
    facts.guest_memfd = answers.has(abi::kCapGuestMemfd);
    facts.guest_memfd_flags = static_cast<uint64_t>(answers.value(abi::kCapGuestMemfdFlags));
    facts.attributes = static_cast<uint64_t>(answers.value(abi::kCapMemoryAttributes));
    facts.pre_fault = answers.has(abi::kCapPreFaultMemory);
    facts.exit_hypercalls = static_cast<uint64_t>(answers.value(abi::kCapExitHypercall));
    return facts;
}

void ask_kvm(IoctlDoor& door, const std::string& device, KvmFacts& facts) {
    facts.node = look_at_node("", device);
    Result<Fd> fd = open_file(device, O_RDWR);
    if (!fd) return;
    kvm::Kvm kvm(door, std::move(*fd));
    facts.api_version = door.call(kvm.fd(), KVM_GET_API_VERSION, nullptr);
    auto number = [&](int capability) { return static_cast<unsigned>(kvm.capabilities().value(capability)); };
    facts.recommended_vcpus = number(KVM_CAP_NR_VCPUS);
    facts.max_vcpus = number(KVM_CAP_MAX_VCPUS);
    facts.max_vcpu_ids = number(KVM_CAP_MAX_VCPU_ID);
    facts.memory_slots = number(KVM_CAP_NR_MEMSLOTS);
    facts.vm_types = number(abi::kCapVmTypes) | 1u << abi::kVmDefault;
    facts.ordinary = ask_vm(door, kvm, abi::kVmDefault, "default");
    if (facts.offers(abi::kVmSwProtected))
        facts.sw_protected = ask_vm(door, kvm, abi::kVmSwProtected, "sw-protected-vm");
}

}  // namespace

HostFacts read_host(IoctlDoor& door, const std::string& device) {
    HostFacts facts = read_files("");
    read_encryption_leaf(facts.cpu);
    facts.memory.locked_limit = limit_of(RLIMIT_MEMLOCK);
    facts.memory.descriptor_limit = limit_of(RLIMIT_NOFILE);
    ask_kvm(door, device, facts.kvm);
    return facts;
}

}  // namespace vmm::doctor
