// The model of KVM: interrupts and vCPUs; see kernel_model.h.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <thread>

#include "accel/model/kernel_model.h"
#include "util/align.h"
#include "util/check.h"

namespace vmm::model {

int KernelModel::irq_call(unsigned long request, void* argument) {
    switch (request) {
        case KVM_CREATE_IRQCHIP:
            if (irqchip_created) return -EEXIST;
            if (!vcpus_.empty()) return -EINVAL;
            irqchip_created = true;
            return 0;
        case KVM_CREATE_PIT2:
            return irqchip_created ? 0 : -ENOENT;
        case KVM_SET_PIT2:
        case KVM_SET_CLOCK:
        case KVM_SET_IRQCHIP:
            return 0;
        case KVM_IRQ_LINE: {
            const auto& a = *static_cast<kvm_irq_level*>(argument);
            if (!irqchip_created) return -ENXIO;
            lines[a.irq] = static_cast<int>(a.level);
            return 0;
        }
        case KVM_SIGNAL_MSI: {
            const auto& a = *static_cast<kvm_msi*>(argument);
            sent_msis.push_back({static_cast<uint64_t>(a.address_hi) << 32 | a.address_lo, a.data});
            return 1;
        }
        case abi::kSetGsiRouting:
            return set_routes(*static_cast<abi::IrqRouting*>(argument));
        case KVM_IRQFD: {
            const auto& a = *static_cast<kvm_irqfd*>(argument);
            std::pair<uint32_t, int> key{a.gsi, static_cast<int>(a.fd)};
            if ((a.flags & KVM_IRQFD_FLAG_DEASSIGN) != 0) {
                irq_fds.erase(key);
                return 0;
            }
            return irq_fds.insert(key).second ? 0 : -EBUSY;
        }
        case KVM_IOEVENTFD: {
            const auto& a = *static_cast<kvm_ioeventfd*>(argument);
            if ((a.flags & KVM_IOEVENTFD_FLAG_DEASSIGN) == 0) {
                io_events.push_back(a);
                return 0;
            }
            auto gone = std::erase_if(
                io_events, [&](const kvm_ioeventfd& e) { return e.addr == a.addr && e.fd == a.fd; });
            return gone != 0 ? 0 : -ENOENT;
        }
        default:
            return -EINVAL;
    }
}

int KernelModel::set_routes(const abi::IrqRouting& table) {
    if (!irqchip_created) return -EINVAL;
    msi_routes.clear();
    chip_routes.clear();
    const auto* entries = abi::list_entries<const kvm_irq_routing_entry>(table);
    for (uint32_t i = 0; i < table.count; i++) {
        const kvm_irq_routing_entry& entry = entries[i];
        if (entry.type == KVM_IRQ_ROUTING_MSI) {
            uint64_t high = entry.u.msi.address_hi;
            msi_routes[entry.gsi] = {high << 32 | entry.u.msi.address_lo, entry.u.msi.data};
        } else {
            chip_routes[entry.gsi].push_back({entry.u.irqchip.irqchip, entry.u.irqchip.pin});
        }
    }
    return 0;
}

int KernelModel::create_vcpu(uint32_t id) {
    if (protection_ != nullptr) {
        if (const int refused = protection_->check_create_vcpu(id); refused != 0) return refused;
    }
    for (auto& [fd, cpu] : vcpus_)
        if (cpu.id == id) return -EEXIST;
    int fd = make_descriptor("model-vcpu", kPageSize * 3);
    if (fd < 0) return fd;
    void* page = ::mmap(nullptr, kPageSize * 3, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (page == MAP_FAILED) return -ENOMEM;
    const auto index = static_cast<unsigned>(vcpus_.size());
    vcpus_[fd].id = id;
    vcpus_[fd].index = index;
    vcpus_[fd].run = static_cast<kvm_run*>(page);
    return fd;
}

KernelModel::Vcpu& KernelModel::vcpu(uint32_t id) {
    std::lock_guard lock(mutex_);
    for (auto& [fd, cpu] : vcpus_)
        if (cpu.id == id) return cpu;
    CHECK(false, "the model has no vCPU %u", id);
    UNREACHABLE();
}

int KernelModel::vcpu_call(Vcpu& cpu, unsigned long request, void* argument) {
    switch (request) {
        case abi::kSetCpuid2: {
            const auto& list = *static_cast<abi::CpuidList*>(argument);
            const auto* entries = abi::list_entries<const kvm_cpuid_entry2>(list);
            cpu.cpuid.assign(entries, entries + list.count);
            return 0;
        }
        case abi::kSetMsrs:
            return set_msrs(cpu, *static_cast<abi::MsrValues*>(argument));
        case abi::kGetMsrs: {
            auto& list = *static_cast<abi::MsrValues*>(argument);
            auto* entries = abi::list_entries<kvm_msr_entry>(list);
            for (uint32_t i = 0; i < list.count; i++) {
                if (!knows_any_msr && !known_msrs.contains(entries[i].index)) return static_cast<int>(i);
                entries[i].data = cpu.msrs[entries[i].index];
            }
            return static_cast<int>(list.count);
        }
        case abi::kMemoryEncryptOp:
            return encrypt_call(&cpu, argument);
        case abi::kGetCpuid2: {
            auto& list = *static_cast<abi::CpuidList*>(argument);
            if (list.count < cpu.cpuid.size()) return -E2BIG;
            list.count = static_cast<uint32_t>(cpu.cpuid.size());
            std::copy(cpu.cpuid.begin(), cpu.cpuid.end(), abi::list_entries<kvm_cpuid_entry2>(list));
            return 0;
        }
        case KVM_INTERRUPT:
            cpu.interrupts.push_back(static_cast<kvm_interrupt*>(argument)->irq);
            return 0;
        case KVM_NMI:
            cpu.nmis++;
            return 0;
        case KVM_KVMCLOCK_CTRL:
            return 0;
        case abi::kPreFaultMemory: {
            auto& a = *static_cast<abi::PreFaultMemory*>(argument);
            prefaults.push_back(a);
            a.gpa += kPageSize;  // page by page, so that callers must loop
            a.size -= kPageSize;
            return 0;
        }
        default:
            return get_or_set_state(cpu, request, argument);
    }
}

// The plain state groups: what was set comes back.
int KernelModel::get_or_set_state(Vcpu& cpu, unsigned long request, void* argument) {
    struct Group {
        unsigned long get, set;
        size_t size;
    };
    static constexpr Group kGroups[] = {
        {KVM_GET_REGS, KVM_SET_REGS, sizeof(kvm_regs)},
        {KVM_GET_SREGS, KVM_SET_SREGS, sizeof(kvm_sregs)},
        {abi::kGetXsave, abi::kSetXsave, sizeof(abi::Xsave)},
        {KVM_GET_XCRS, KVM_SET_XCRS, sizeof(kvm_xcrs)},
        {KVM_GET_LAPIC, KVM_SET_LAPIC, sizeof(kvm_lapic_state)},
        {KVM_GET_MP_STATE, KVM_SET_MP_STATE, sizeof(kvm_mp_state)},
        {KVM_GET_VCPU_EVENTS, KVM_SET_VCPU_EVENTS, sizeof(kvm_vcpu_events)},
        {KVM_GET_DEBUGREGS, KVM_SET_DEBUGREGS, sizeof(kvm_debugregs)},
        {KVM_X86_SETUP_MCE, KVM_X86_SETUP_MCE, sizeof(uint64_t)},  // only set
    };
    for (const Group& group : kGroups) {
        if (cpu.state_hidden && (request == group.set || request == group.get)) return -EINVAL;
        std::vector<uint8_t>& bytes = cpu.state[group.set];
        if (request == group.set) {
            bytes.resize(group.size);
            std::memcpy(bytes.data(), argument, group.size);
            return 0;
        }
        if (request == group.get) {
            bytes.resize(group.size);
            std::memcpy(argument, bytes.data(), group.size);
            return 0;
        }
    }
    return -EINVAL;
}

int KernelModel::set_msrs(Vcpu& cpu, const abi::MsrValues& list) {
    const auto* entries = abi::list_entries<const kvm_msr_entry>(list);
    for (uint32_t i = 0; i < list.count; i++) {
        if (!knows_any_msr && !known_msrs.contains(entries[i].index)) return static_cast<int>(i);
        cpu.msrs[entries[i].index] = entries[i].data;
    }
    return static_cast<int>(list.count);
}

int KernelModel::run(Vcpu& cpu) {
    std::atomic_ref(cpu.runs).fetch_add(1);
    while (std::atomic_ref(cpu.run->immediate_exit).load() == 0)
        std::this_thread::sleep_for(std::chrono::microseconds(50));
    return -EINTR;
}

}  // namespace vmm::model
