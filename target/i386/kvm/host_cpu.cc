// Asking the host; see host_cpu.h.
#include "target/i386/kvm/host_cpu.h"

#include <cpuid.h>

#include <algorithm>
#include <cstring>

#include "accel/kvm/list_block.h"
#include "target/i386/cpu/any_host.h"

namespace vmm::kvm {

namespace {
constexpr size_t kFirstCpuidRoom = 128;
constexpr size_t kMostCpuidRoom = 4096;
constexpr size_t kMsrListRoom = 512;

using CpuidBlock = ListBlock<abi::CpuidList, kvm_cpuid_entry2>;

std::vector<CpuidEntry> plain_entries(CpuidBlock& list) {
    std::vector<CpuidEntry> entries;
    for (const kvm_cpuid_entry2& e : list.entries(list.head().count))
        entries.push_back({e.function, e.index, e.flags, e.eax, e.ebx, e.ecx, e.edx});
    return entries;
}

Result<CpuidSet> supported_cpuid(Kvm& kvm) {
    for (size_t room = kFirstCpuidRoom;; room *= 2) {
        CpuidBlock list(room);
        list.head().count = static_cast<uint32_t>(room);
        Result<int> got = ioctl_call<abi::kGetSupportedCpuid>(kvm.door(), kvm.fd(), list.head());
        if (!got && got.error().number() == E2BIG && room < kMostCpuidRoom) continue;
        if (!got) return std::move(got).take_error();
        return CpuidSet(plain_entries(list));
    }
}

CpuidEntry native_leaf(uint32_t function, uint32_t index, uint32_t flags) {
    CpuidEntry entry{.function = function, .index = index, .flags = flags};
    __cpuid_count(function, index, entry.eax, entry.ebx, entry.ecx, entry.edx);
    return entry;
}

// A cache leaf: subleaves until one of type 0.
void add_cache_leaves(std::vector<CpuidEntry>& entries, uint32_t function) {
    constexpr uint32_t kMostCaches = 16;
    for (uint32_t index = 0; index < kMostCaches; index++) {
        entries.push_back(native_leaf(function, index, kCpuidSignificantIndex));
        if ((entries.back().eax & 0x1f) == 0) break;
    }
}

// The MSRs whose value says what the processor can do. A kernel without them has none to give.
std::vector<std::pair<uint32_t, uint64_t>> feature_msrs(Kvm& kvm) {
    ListBlock<abi::MsrIndices, uint32_t> indices(kMsrListRoom);
    indices.head().count = kMsrListRoom;
    if (!ioctl_call<abi::kGetMsrFeatureIndexList>(kvm.door(), kvm.fd(), indices.head())) return {};
    const uint32_t count = indices.head().count;
    ListBlock<abi::MsrValues, kvm_msr_entry> values(count);
    values.head().count = count;
    for (uint32_t i = 0; i < count; i++)
        values.entries(count)[i].index = indices.entries(count)[i];
    Result<int> got = ioctl_call<abi::kGetMsrs>(kvm.door(), kvm.fd(), values.head());
    std::vector<std::pair<uint32_t, uint64_t>> msrs;
    for (uint32_t i = 0; got && i < static_cast<uint32_t>(*got); i++)
        msrs.emplace_back(values.entries(count)[i].index, values.entries(count)[i].data);
    return msrs;
}
}  // namespace

CpuidSet native_cpuid(HostIdentity identity) {
    std::vector<CpuidEntry> entries{native_leaf(0, 0, 0), native_leaf(0x80000000, 0, 0)};
    const uint32_t last = entries[0].eax;
    const uint32_t last_extended = entries[1].eax;
    auto add = [&](uint32_t function) {
        if (function <= (function >= 0x80000000 ? last_extended : last))
            entries.push_back(native_leaf(function, 0, 0));
    };
    add(0x80000008);
    if (identity == HostIdentity::Brief) return CpuidSet(std::move(entries));
    for (uint32_t function : {1u, 2u, 5u, 0x80000002u, 0x80000003u, 0x80000004u, 0x80000005u, 0x80000006u})
        add(function);
    if (last >= 4) add_cache_leaves(entries, 4);
    if (last_extended >= 0x8000001d) add_cache_leaves(entries, 0x8000001d);
    return CpuidSet(std::move(entries));
}

HostCpu planned_cpu(HostIdentity identity) {
    HostCpu host = any_host();
    host.planned = true;
    host.native = native_cpuid(identity);
    if (identity == HostIdentity::Brief) return host;
    host.anything = false;
    std::vector<CpuidEntry> entries = host.supported.entries();  // the layout of XSAVE areas
    constexpr uint32_t kXsaveLeaf = 0xd, kMostLeaves = 0x40;
    for (const uint32_t base : {0u, 0x80000000u}) {
        const uint32_t last = std::min(native_leaf(base, 0, 0).eax, base + kMostLeaves);
        for (uint32_t function = base; function <= last; ++function) {
            if (function == kXsaveLeaf) continue;
            const uint32_t flags = function == 4 || function == 7 ? kCpuidSignificantIndex : 0;
            entries.push_back(native_leaf(function, 0, flags));
        }
    }
    host.supported = CpuidSet(std::move(entries));
    return host;
}

Result<HostCpu> read_host_cpu(Vm& vm, HostIdentity identity, bool hypercalls_answered) {
    HostCpu host;
    host.supported = TRY(supported_cpuid(vm.kvm()));
    host.native = native_cpuid(identity);
    host.feature_msrs = feature_msrs(vm.kvm());
    host.tsc_deadline_timer = vm.capabilities().has(KVM_CAP_TSC_DEADLINE_TIMER);
    host.map_gpa_range = hypercalls_answered;
    return host;
}

Result<std::vector<CpuidEntry>> cpuid_of(Vcpu& vcpu) {
    CpuidBlock list(kMostCpuidRoom);
    list.head().count = kMostCpuidRoom;
    TRY(vcpu.ioctl<abi::kGetCpuid2>(list.head()));
    return plain_entries(list);
}

}  // namespace vmm::kvm
