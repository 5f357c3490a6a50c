// The VM descriptor and its guest_memfds; see vm.h.
#include "accel/kvm/vm.h"

#include "util/align.h"

namespace vmm::kvm {

Result<std::unique_ptr<Vm>> Vm::create(Kvm& kvm, const VmRequirements& needs) {
    Fd fd = TRY(kvm.create_vm(needs.vm_type, needs.vm_type_name));
    auto vm = std::make_unique<Vm>(kvm, std::move(fd), needs.vm_type, needs.vm_type_name);
    if (needs.private_memory && !vm->has_private_memory()) {
        return Error::of_class(ErrorClass::KvmMissingCap,
                               "KVM: a VM of type '%.*s' has no private memory on this host",
                               static_cast<int>(needs.vm_type_name.size()), needs.vm_type_name.data())
            .with_hint(
                "private memory takes a confidential guest (confidential-guest-support=) or "
                "kvm-type=sw-protected-vm");
    }
    if (needs.mappable_guest_memfd)
        TRY(vm->check_guest_memfd(abi::kGuestMemfdMmap | abi::kGuestMemfdInitShared));
    return vm;
}

void Vm::let_go() {
    for (Gmem* gmem : gmems_)
        gmem->let_go();
    capabilities_.set_descriptor(-1);
    stats_.close();
    fd_.reset();
}

Status Vm::renew() {
    CHECK(gone(), "the VM is still there");
    fd_ = TRY(kvm_.create_vm(type_, type_name_));
    capabilities_.set_descriptor(fd_.get());
    for (Gmem* gmem : gmems_)
        TRY(gmem->renew());
    return {};
}

bool Vm::has_private_memory() {
    return type_ != abi::kVmDefault &&
           capabilities_.has_bits(abi::kCapMemoryAttributes, abi::kMemoryAttributePrivate) &&
           capabilities_.has(abi::kCapGuestMemfd) && capabilities_.has(abi::kCapUserMemory2);
}

Status Vm::enable(int capability, const char* name, uint64_t argument) {
    kvm_enable_cap request{};
    request.cap = static_cast<uint32_t>(capability);
    request.args[0] = argument;
    Result<int> got = ioctl<KVM_ENABLE_CAP>(request);
    if (!got) return std::move(got).take_error().while_doing("could not enable %s", name);
    return {};
}

Status Vm::check_guest_memfd(uint64_t flags) {
    if (!capabilities_.has(abi::kCapGuestMemfd)) {
        return Error::of_class(ErrorClass::KvmMissingCap, "KVM: this host has no guest_memfd")
            .with_hint(
                "it takes Linux 6.8 or later with CONFIG_KVM_PRIVATE_MEM or CONFIG_KVM_GUEST_MEMFD, and a "
                "VM type that can use it");
    }
    if (flags != 0 && !capabilities_.has_bits(abi::kCapGuestMemfdFlags, flags)) {
        return Error::of_class(ErrorClass::KvmMissingCap,
                               "KVM: guest_memfd cannot be mapped by the host here (flags 0x%llx of 0x%x)",
                               static_cast<unsigned long long>(flags),
                               static_cast<unsigned>(capabilities_.value(abi::kCapGuestMemfdFlags)))
            .with_hint("memory that is a guest_memfd takes Linux 6.18 or later and an ordinary VM");
    }
    return {};
}

Result<Fd> Vm::create_guest_memfd(const GmemRequest& request) {
    abi::CreateGuestMemfd argument{};
    argument.size = request.size;
    if (request.mappable) argument.flags |= abi::kGuestMemfdMmap;
    if (request.init_shared) argument.flags |= abi::kGuestMemfdInitShared;
    TRY(check_guest_memfd(argument.flags));
    Result<int> number = ioctl<abi::kCreateGuestMemfd>(argument);
    if (!number) {
        return std::move(number).take_error().while_doing("could not make a guest_memfd of %llu bytes",
                                                          static_cast<unsigned long long>(request.size));
    }
    Fd fd(*number);
    TRY(set_close_on_exec(fd.get()));  // the kernel makes it inheritable, and it would pin the VM
    return fd;
}

}  // namespace vmm::kvm
