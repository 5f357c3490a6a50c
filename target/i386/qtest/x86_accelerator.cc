// The x86 side of the accelerator without CPUs; see x86_accelerator.h.
#include "target/i386/qtest/x86_accelerator.h"

#include "target/i386/cpu/any_host.h"
#include "util/check.h"

namespace vmm::qtest {

namespace {

constexpr const char* kNoChips = "-accel qtest has no interrupt controllers of its own";

}  // namespace

Status X86Accelerator::prepare(const X86VmOptions&) {
    return {};
}

Result<HostCpu> X86Accelerator::host_cpu(HostIdentity, bool) {
    return any_host();
}

std::unique_ptr<Resettable> X86Accelerator::kernel_chips(bool) {
    CHECK(false, "%s", kNoChips);
    UNREACHABLE();
}

Status X86Accelerator::create_kernel_pit(LostTicks) {
    return Error::make("%s", kNoChips);
}

Status X86Accelerator::set_kernel_pit_replaced(bool) {
    return Error::make("%s", kNoChips);
}

Status X86Accelerator::add_cpu(X86CpuSetup setup, const GuestWorld&) {
    accelerator_.add_vcpu(VcpuId(setup.index));
    return {};
}

Status X86Accelerator::plug_cpu(X86CpuSetup setup, const GuestWorld& world) {
    return add_cpu(std::move(setup), world);
}

void X86Accelerator::unplug_cpu(unsigned index) {
    accelerator_.remove_vcpu(VcpuId(index));
}

}  // namespace vmm::qtest
