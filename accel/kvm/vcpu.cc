// A vCPU descriptor and its page; see vcpu.h.
#include "accel/kvm/vcpu.h"

#include <sys/mman.h>

namespace vmm::kvm {

namespace {
Result<Fd> create_descriptor(Vm& vm, VcpuId index, uint32_t kernel_id) {
    Result<int> number = vm.ioctl<KVM_CREATE_VCPU>(static_cast<Long>(kernel_id));
    if (!number) {
        return std::move(number).take_error().while_doing("could not make vCPU %u (id %u)", index.raw(),
                                                          kernel_id);
    }
    return Fd(*number);
}
}  // namespace

Status Vcpu::let_go() {
    // The kernel's page would hold the VM.
    TRY(page_.replace(PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS));
    stats_.close();
    fd_.reset();
    return {};
}

Status Vcpu::renew() {
    fd_ = TRY(create_descriptor(vm_, index_, kernel_id_));
    TRY(set_close_on_exec(fd_.get()));
    TRY(page_.replace(PROT_READ | PROT_WRITE, MAP_SHARED, fd_.get()));
    arch().renewed();
    Status prepared = arch().prepare(*this);
    if (!prepared) return std::move(prepared).take_error().while_doing("vCPU %u", index_.raw());
    return {};
}

Result<std::unique_ptr<Vcpu>> Vcpu::create(Vm& vm, VcpuId index, uint32_t kernel_id,
                                           std::unique_ptr<VcpuArch> arch, Fd& descriptor) {
    size_t page_size = TRY(vm.kvm().vcpu_mmap_size());
    if (!descriptor) descriptor = TRY(create_descriptor(vm, index, kernel_id));
    TRY(set_close_on_exec(descriptor.get()));
    MappedRegion page =
        TRY(MappedRegion::map(page_size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor.get()));
    auto vcpu =
        std::make_unique<Vcpu>(vm, index, kernel_id, std::move(descriptor), std::move(page), std::move(arch));
    Status prepared = vcpu->arch().prepare(*vcpu);
    if (prepared) return vcpu;
    descriptor = std::move(vcpu->fd_);
    return std::move(prepared).take_error().while_doing("vCPU %u", index.raw());
}

}  // namespace vmm::kvm
