// The model of KVM: descriptors, memory and capabilities; see kernel_model.h. Interrupts and vCPUs are in
// kernel_model_vcpu.cc.
#include "accel/model/kernel_model.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

#include "util/align.h"

namespace vmm::model {

KernelModel::KernelModel() {
    system_caps = {{KVM_CAP_IMMEDIATE_EXIT, 1}, {KVM_CAP_NR_MEMSLOTS, 509}, {KVM_CAP_IRQ_ROUTING, 4096}};
    vm_caps = system_caps;
    vm_caps[abi::kCapUserMemory2] = 1;
    vm_caps[abi::kCapGuestMemfd] = 1;
    vm_caps[abi::kCapMemoryFaultInfo] = 1;
    vm_caps[abi::kCapExitHypercall] = 1 << abi::kHypercallMapGpaRange;
    vm_caps[abi::kCapPreFaultMemory] = 1;
}

KernelModel::~KernelModel() {
    for (auto& [fd, cpu] : vcpus_)
        if (cpu.run != nullptr) ::munmap(cpu.run, kPageSize * 3);
}

unsigned KernelModel::count(unsigned long request) const {
    return static_cast<unsigned>(std::count(calls.begin(), calls.end(), request));
}

int KernelModel::call(int fd, unsigned long request, void* argument) {
    std::unique_lock lock(mutex_);
    calls.push_back(request);
    auto found = vcpus_.find(fd);
    if (request == KVM_RUN && found != vcpus_.end()) {
        lock.unlock();
        if (protection_ != nullptr) {
            if (const int refused = protection_->check_run(); refused != 0) return refused;
        }
        return run(found->second);
    }
    return dispatch(fd, request, argument);
}

int KernelModel::dispatch(int fd, unsigned long request, void* argument) {
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

int KernelModel::make_descriptor(const char* name, uint64_t size) {
    int fd = ::memfd_create(name, 0);
    if (fd < 0 || ::ftruncate(fd, static_cast<off_t>(size)) != 0) return -ENOMEM;
    return fd;
}

int KernelModel::system_call(unsigned long request, void* argument) {
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
            forget_vm();
            vm_type = static_cast<uint32_t>(number);
            if (protection_factory_) protection_ = protection_factory_(vm_type, *this);
            vm_fd_ = make_descriptor("model-vm", 0);
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
        case KVM_GET_DEVICE_ATTR: {
            const auto& a = *static_cast<kvm_device_attr*>(argument);
            uint64_t value = 0;
            if (!device_attribute_) return -ENXIO;
            const int refused = device_attribute_(a.group, a.attr, &value);
            if (refused == 0) *reinterpret_cast<uint64_t*>(static_cast<uintptr_t>(a.addr)) = value;
            return refused;
        }
        default:
            return other_devices ? other_devices(request, argument) : -EINVAL;
    }
}

// One VM at a time: a new one comes when the last was let go of.
void KernelModel::forget_vm() {
    for (auto& [fd, cpu] : vcpus_)
        if (cpu.run != nullptr) ::munmap(cpu.run, kPageSize * 3);
    vcpus_.clear();
    slots.clear();
    private_pages.clear();
    gmems.clear();
    msi_routes.clear();
    chip_routes.clear();
    lines.clear();
    irq_fds.clear();
    io_events.clear();
    enabled_caps.clear();
    irqchip_created = slots_added_late = false;
    tss_address = identity_map = 0;
}

int KernelModel::vm_call(unsigned long request, void* argument) {
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
        case abi::kMemoryEncryptOp:
            return encrypt_call(nullptr, argument);
        case abi::kMemoryEncryptRegister:
        case abi::kMemoryEncryptUnregister:
            if (protection_ == nullptr) return -ENOTTY;
            return protection_->pin_region(*static_cast<abi::EncryptRegion*>(argument),
                                           request == abi::kMemoryEncryptRegister);
        case KVM_ENABLE_CAP: {
            const auto& a = *static_cast<kvm_enable_cap*>(argument);
            if (protection_ != nullptr) {
                if (const int refused = protection_->check_enable_cap(a); refused != 0) return refused;
            }
            enabled_caps[static_cast<int>(a.cap)] = a.args[0];
            if (a.cap == KVM_CAP_SPLIT_IRQCHIP) irqchip_created = true;
            return 0;
        }
        case KVM_SET_TSS_ADDR:
            tss_address = reinterpret_cast<uintptr_t>(argument);
            return 0;
        case KVM_SET_TSC_KHZ:
            if (!vcpus_.empty()) return -EINVAL;
            tsc_khz = static_cast<uint32_t>(reinterpret_cast<uintptr_t>(argument));
            return 0;
        case KVM_SET_IDENTITY_MAP_ADDR:
            if (!vcpus_.empty()) return -EINVAL;
            identity_map = static_cast<kvm::Address*>(argument)->value;
            return 0;
        default:
            return irq_call(request, argument);
    }
}

int KernelModel::encrypt_call(Vcpu* cpu, void* argument) {
    if (protection_ == nullptr) return -ENOTTY;
    // Asked without a command, the kernel says whether encryption is there at all.
    if (argument == nullptr) return 0;
    auto& command = *static_cast<abi::EncryptCommand*>(argument);
    return cpu != nullptr ? protection_->vcpu_command(*cpu, command) : protection_->vm_command(command);
}

const KernelModel::Slot* KernelModel::find_slot(uint64_t gpa) const {
    for (const auto& [id, slot] : slots)
        if (gpa >= slot.gpa && gpa - slot.gpa < slot.size) return &slot;
    return nullptr;
}

uint64_t KernelModel::launchable(uint64_t gpa, uint64_t bytes) const {
    uint64_t length = 0;
    while (length < bytes) {
        const Slot* slot = find_slot(gpa + length);
        if (slot == nullptr || slot->gmem_fd < 0) break;
        const uint64_t in_slot = slot->size - (gpa + length - slot->gpa);
        length += std::min(in_slot, bytes - length);
    }
    return length == 0 ? 0 : private_pages.run(gpa, length, true);
}

uint8_t* KernelModel::host_memory(uint64_t gpa) const {
    const Slot* slot = find_slot(gpa);
    if (slot == nullptr) return nullptr;
    return reinterpret_cast<uint8_t*>(static_cast<uintptr_t>(slot->host + (gpa - slot->gpa)));
}

std::vector<KernelModel::Vcpu*> KernelModel::vcpus() {
    std::vector<Vcpu*> all(vcpus_.size());
    for (auto& [fd, cpu] : vcpus_)
        all[cpu.index] = &cpu;
    return all;
}

Result<Fd> KernelModel::open_device(const std::string& path) {
    opened_devices.push_back(path);
    if (!opens_any_device) return IoctlDoor::open_device(path);
    const int fd = make_descriptor("model-device", 0);
    if (fd < 0) return Error::from_errno(-fd, "could not open the model of '%s'", path.c_str());
    return Fd(fd);
}

namespace {
// kvm_arch_has_readonly_mem(): the host cannot emulate the guest's writes to it.
bool has_protected_state(uint32_t vm_type) {
    return vm_type == abi::kVmSevEs || vm_type == abi::kVmSnp || vm_type == abi::kVmTdx;
}
}  // namespace

// The rules of kvm_set_memory_region, as far as an x86 VMM can meet them.
int KernelModel::set_slot(uint32_t id, const Slot& wanted) {
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
    if ((wanted.flags & KVM_MEM_READONLY) != 0 && has_protected_state(vm_type)) return -EINVAL;
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

int KernelModel::set_attributes(const abi::MemoryAttributes& a) {
    if (vm_type == abi::kVmDefault || a.flags != 0 || a.size == 0) return -EINVAL;
    if ((a.attributes & ~abi::kMemoryAttributePrivate) != 0) return -EINVAL;
    if (!is_aligned(a.address | a.size, kPageSize) || a.address + a.size < a.address) return -EINVAL;
    if (a.attributes != 0) {
        private_pages.add(a.address, a.size);
    } else {
        private_pages.remove(a.address, a.size);
    }
    return 0;
}

int KernelModel::create_gmem(const abi::CreateGuestMemfd& a) {
    uint64_t known = static_cast<uint64_t>(vm_caps[abi::kCapGuestMemfdFlags]);
    if (a.size == 0 || !is_aligned(a.size, kPageSize) || (a.flags & ~known) != 0) return -EINVAL;
    int fd = make_descriptor("model-gmem", a.size);
    if (fd >= 0) gmems[fd] = a.size;
    return fd;
}

}  // namespace vmm::model
