// The x86 side of the accelerator without CPUs; see x86_accelerator.h.
#include "target/i386/qtest/x86_accelerator.h"

#include "util/check.h"

namespace vmm::qtest {

namespace {

constexpr const char* kNoChips = "-accel qtest has no interrupt controllers of its own";

// Leaf D as processors have it: sizes and offsets of the components in the standard layout of XSAVE.
std::vector<CpuidEntry> extended_state() {
    struct Component {
        uint32_t number, size, offset;
    };
    constexpr Component kComponents[] = {{2, 256, 576}, {3, 64, 960},   {4, 64, 1024},
                                         {5, 64, 1088}, {6, 512, 1152}, {7, 1024, 1664},
                                         {9, 8, 2688},  {17, 64, 2752}, {18, 8192, 2816}};
    uint32_t all = 3;
    std::vector<CpuidEntry> leaves;
    for (const Component& part : kComponents) {
        all |= 1u << part.number;
        leaves.push_back({.function = 0xd,
                          .index = part.number,
                          .flags = kCpuidSignificantIndex,
                          .eax = part.size,
                          .ebx = part.offset,
                          .ecx = part.number > 9 ? 2u : 0u});
    }
    leaves.push_back({.function = 0xd, .index = 0, .flags = kCpuidSignificantIndex, .eax = all});
    leaves.push_back({.function = 0xd, .index = 1, .flags = kCpuidSignificantIndex});
    return leaves;
}

}  // namespace

Status X86Accelerator::prepare(const X86VmOptions&) {
    return {};
}

Result<HostCpu> X86Accelerator::host_cpu(HostIdentity, bool) {
    HostCpu host;
    host.anything = true;
    host.supported = CpuidSet(extended_state());
    return host;
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
