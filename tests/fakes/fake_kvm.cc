// The model of KVM: descriptors, memory and capabilities; see fake_kvm.h. Interrupts and vCPUs are in
// fake_kvm_vcpu.cc.
#include "tests/fakes/fake_kvm.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

#include "util/align.h"

namespace vmm {

FakeKvm::FakeKvm() {
    system_caps = {{KVM_CAP_IMMEDIATE_EXIT, 1}, {KVM_CAP_NR_MEMSLOTS, 509}, {KVM_CAP_IRQ_ROUTING, 4096}};
    vm_caps = system_caps;
    vm_caps[abi::kCapUserMemory2] = 1;
    vm_caps[abi::kCapGuestMemfd] = 1;
    vm_caps[abi::kCapMemoryFaultInfo] = 1;
    vm_caps[abi::kCapExitHypercall] = 1 << abi::kHypercallMapGpaRange;
    vm_caps[abi::kCapPreFaultMemory] = 1;
}

FakeKvm::~FakeKvm() {
    for (auto& [fd, cpu] : vcpus_)
        if (cpu.run != nullptr) ::munmap(cpu.run, kPageSize * 3);
}

void FakeKvm::fail(unsigned long request, int number, unsigned nth) {
    std::lock_guard lock(mutex_);
    failure_ = Failure{request, number, nth};
}

bool FakeKvm::failure_pending() {
    std::lock_guard lock(mutex_);
    return failure_.has_value();
}

unsigned FakeKvm::count(unsigned long request) const {
    return static_cast<unsigned>(std::count(calls.begin(), calls.end(), request));
}

int FakeKvm::call(int fd, unsigned long request, void* argument) {
    std::unique_lock lock(mutex_);
    calls.push_back(request);
    if (failure_ && (failure_->request == 0 || failure_->request == request) && --failure_->left == 0) {
        int number = failure_->number;
        failure_.reset();
        return -number;
    }
    auto found = vcpus_.find(fd);
    if (request == KVM_RUN && found != vcpus_.end()) {
        lock.unlock();
        return run(found->second);
    }
    return dispatch(fd, request, argument);
}

int FakeKvm::dispatch(int fd, unsigned long request, void* argument) {
    auto found = vcpus_.find(fd);
    if (found != vcpus_.end()) return vcpu_call(found->second, request, argument);
    if (fd != vm_fd_) return system_call(request, argument);
    if (request == KVM_CHECK_EXTENSION) {
        int cap = static_cast<int>(reinterpret_cast<uintptr_t>(argument));
        if (cap == abi::kCapMemoryAttributes) {
            return vm_type == abi::kVmDefault ? 0 : static_cast<int>(abi::kMemoryAttributePrivate);
        }
        auto answer = vm_caps.find(cap);
        return answer == vm_caps.end() ? 0 : answer->second;
    }
    return vm_call(request, argument);
}

int FakeKvm::make_descriptor(const char* name, uint64_t size) {
    int fd = ::memfd_create(name, 0);
    if (fd < 0 || ::ftruncate(fd, static_cast<off_t>(size)) != 0) return -ENOMEM;
    return fd;
}

int FakeKvm::system_call(unsigned long request, void* argument) {
    uintptr_t number = reinterpret_cast<uintptr_t>(argument);
    switch (request) {
        case KVM_GET_API_VERSION:
            return 12;
        case KVM_GET_VCPU_MMAP_SIZE:
            return static_cast<int>(kPageSize * 3);
        case KVM_CHECK_EXTENSION: {
            if (number == abi::kCapVmTypes) return static_cast<int>(vm_types);
            auto answer = system_caps.find(static_cast<int>(number));
            return answer == system_caps.end() ? 0 : answer->second;
        }
        case KVM_CREATE_VM:
            if (number >= 32 || (vm_types & (1u << number)) == 0) return -EINVAL;
            vm_type = static_cast<uint32_t>(number);
            vm_fd_ = make_descriptor("fake-vm", 0);
            return vm_fd_;
        case abi::kGetSupportedCpuid: {
            auto* list = static_cast<abi::CpuidList*>(argument);
            if (list->count < supported_cpuid.size()) return -E2BIG;
            list->count = static_cast<uint32_t>(supported_cpuid.size());
            std::copy(supported_cpuid.begin(), supported_cpuid.end(),
                      abi::list_entries<kvm_cpuid_entry2>(*list));
            return 0;
        }
        case abi::kGetMsrIndexList: {
            auto* list = static_cast<abi::MsrIndices*>(argument);
            uint32_t room = list->count;
            list->count = static_cast<uint32_t>(known_msrs.size());
            if (room < list->count) return -E2BIG;
            std::copy(known_msrs.begin(), known_msrs.end(), abi::list_entries<uint32_t>(*list));
            return 0;
        }
        default:
            return -EINVAL;
    }
}

int FakeKvm::vm_call(unsigned long request, void* argument) {
    switch (request) {
        case KVM_SET_USER_MEMORY_REGION: {
            const auto& a = *static_cast<kvm_userspace_memory_region*>(argument);
            return set_slot(a.slot, Slot{a.flags, a.guest_phys_addr, a.memory_size, a.userspace_addr, -1, 0});
        }
        case abi::kSetUserMemoryRegion2: {
            const auto& a = *static_cast<abi::UserMemoryRegion2*>(argument);
            Slot slot{a.flags, a.guest_phys_addr, a.memory_size, a.userspace_addr, -1, 0};
            if ((a.flags & abi::kMemGuestMemfd) != 0) {
                slot.gmem_fd = static_cast<int>(a.guest_memfd);
                slot.gmem_offset = a.guest_memfd_offset;
            }
            return set_slot(a.slot, slot);
        }
        case abi::kSetMemoryAttributes:
            return set_attributes(*static_cast<abi::MemoryAttributes*>(argument));
        case abi::kCreateGuestMemfd:
            return create_gmem(*static_cast<abi::CreateGuestMemfd*>(argument));
        case KVM_CREATE_VCPU:
            return create_vcpu(static_cast<uint32_t>(reinterpret_cast<uintptr_t>(argument)));
        case KVM_ENABLE_CAP: {
            const auto& a = *static_cast<kvm_enable_cap*>(argument);
            enabled_caps[static_cast<int>(a.cap)] = a.args[0];
            if (a.cap == KVM_CAP_SPLIT_IRQCHIP) irqchip_created = true;
            return 0;
        }
        case KVM_SET_TSS_ADDR:
            tss_address = reinterpret_cast<uintptr_t>(argument);
            return 0;
        case KVM_SET_IDENTITY_MAP_ADDR:
            if (!vcpus_.empty()) return -EINVAL;
            identity_map = static_cast<kvm::Address*>(argument)->value;
            return 0;
        default:
            return irq_call(request, argument);
    }
}

// The rules of kvm_set_memory_region, as far as an x86 VMM can meet them.
int FakeKvm::set_slot(uint32_t id, const Slot& wanted) {
    if (id >= static_cast<uint32_t>(system_caps[KVM_CAP_NR_MEMSLOTS])) return -EINVAL;
    if (!is_aligned(wanted.gpa | wanted.size | wanted.host | wanted.gmem_offset, kPageSize)) return -EINVAL;
    auto existing = slots.find(id);
    if (wanted.size == 0) {
        if (existing == slots.end()) return -EINVAL;
        slots.erase(existing);
        return 0;
    }
    if (wanted.gpa + wanted.size < wanted.gpa) return -EINVAL;
    if (wanted.size / kPageSize > (uint64_t{1} << 31) - 1) return -EINVAL;
    if (existing != slots.end()) return -EINVAL;  // the program never changes a slot in place
    for (const auto& [other, slot] : slots)
        if (wanted.gpa < slot.gpa + slot.size && slot.gpa < wanted.gpa + wanted.size) return -EEXIST;
    if (wanted.gmem_fd >= 0) {
        if ((wanted.flags & KVM_MEM_READONLY) != 0) return -EINVAL;
        auto gmem = gmems.find(wanted.gmem_fd);
        if (gmem == gmems.end()) return -EBADF;
        if (wanted.gmem_offset + wanted.size > gmem->second) return -EINVAL;
        for (const auto& [other, slot] : slots)
            if (slot.gmem_fd == wanted.gmem_fd && wanted.gmem_offset < slot.gmem_offset + slot.size &&
                slot.gmem_offset < wanted.gmem_offset + wanted.size)
                return -EINVAL;  // one binding a page
    }
    slots[id] = wanted;
    if (irqchip_created) slots_added_late = true;
    return 0;
}

int FakeKvm::set_attributes(const abi::MemoryAttributes& a) {
    if (vm_type == abi::kVmDefault || a.flags != 0 || a.size == 0) return -EINVAL;
    if ((a.attributes & ~abi::kMemoryAttributePrivate) != 0) return -EINVAL;
    if (!is_aligned(a.address | a.size, kPageSize) || a.address + a.size < a.address) return -EINVAL;
    for (uint64_t page = a.address; page < a.address + a.size; page += kPageSize) {
        if (a.attributes != 0) {
            private_pages[page] = true;
        } else {
            private_pages.erase(page);
        }
    }
    return 0;
}

int FakeKvm::create_gmem(const abi::CreateGuestMemfd& a) {
    uint64_t known = static_cast<uint64_t>(vm_caps[abi::kCapGuestMemfdFlags]);
    if (a.size == 0 || !is_aligned(a.size, kPageSize) || (a.flags & ~known) != 0) return -EINVAL;
    int fd = make_descriptor("fake-gmem", a.size);
    if (fd >= 0) gmems[fd] = a.size;
    return fd;
}

}  // namespace vmm
