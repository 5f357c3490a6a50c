// TDX commands; see commands.h.
#include "target/i386/confidential/tdx/commands.h"

#include <algorithm>

#include "accel/kvm/list_block.h"
#include "accel/kvm/vcpu.h"
#include "accel/kvm/vm.h"
#include "target/i386/confidential/until_served.h"
#include "util/align.h"
#include "util/check.h"
#include "util/text.h"

namespace vmm::tdx {

namespace {

constexpr size_t kFirstCpuidRoom = 16;
constexpr size_t kMostCpuidRoom = 1024;

const char* command_name(uint32_t id) {
    constexpr const char* kNames[] = {"KVM_TDX_CAPABILITIES",    "KVM_TDX_INIT_VM",     "KVM_TDX_INIT_VCPU",
                                      "KVM_TDX_INIT_MEM_REGION", "KVM_TDX_FINALIZE_VM", "KVM_TDX_GET_CPUID"};
    return kNames[id];
}

template <typename Where>
Status call(Where& where, uint32_t id, void* data, uint32_t flags = 0) {
    abi::EncryptCommand command{};
    command.id = id;
    command.flags = flags;
    command.data = reinterpret_cast<uintptr_t>(data);
    Result<int> done = where.template ioctl<abi::kMemoryEncryptOp>(command);
    if (done) return {};
    if (command.tail == 0) return Error::from_errno(done.error().number(), "%s", command_name(id));
    return Error::from_errno(done.error().number(), "%s: TDX module status 0x%llx", command_name(id),
                             static_cast<unsigned long long>(command.tail));
}

CpuidSet to_set(std::span<const kvm_cpuid_entry2> entries) {
    std::vector<CpuidEntry> out;
    for (const kvm_cpuid_entry2& e : entries)
        out.push_back({e.function, e.index, e.flags, e.eax, e.ebx, e.ecx, e.edx});
    return CpuidSet(std::move(out));
}

void copy_entries(std::span<const CpuidEntry> from, std::span<kvm_cpuid_entry2> to) {
    for (size_t i = 0; i < from.size(); ++i) {
        const CpuidEntry& e = from[i];
        to[i] = kvm_cpuid_entry2{};
        to[i].function = e.function;
        to[i].index = e.index;
        to[i].flags = e.flags;
        to[i].eax = e.eax;
        to[i].ebx = e.ebx;
        to[i].ecx = e.ecx;
        to[i].edx = e.edx;
    }
}

Error explain_init_vm(Error error) {
    switch (error.number()) {
        case EAGAIN:
            return std::move(error).with_hint(
                "the TDX module found no random numbers for the TD's keys: try again");
        case ENOSPC:
        case EBUSY:
            return std::move(error).with_hint(
                "every TD takes a key id: end another TD, or raise the limit of the cgroup's misc controller "
                "(tdx)");
        case EINVAL:
            return std::move(error).with_hint(
                "the TDX module does not take these attributes, extended features or CPUID bits");
        default:
            return error;
    }
}

}  // namespace

Result<TdxCaps> read_capabilities(kvm::Vm& vm) {
    for (size_t room = kFirstCpuidRoom;; room *= 2) {
        kvm::ListBlock<abi::TdxCapabilities, kvm_cpuid_entry2> block(room);
        abi::TdxCapabilities& head = block.head();
        head.cpuid.count = static_cast<uint32_t>(room);
        Status done = call(vm, abi::kTdxCapabilities, &head);
        // The kernel does not say how much it has.
        if (!done && done.error().number() == E2BIG && room < kMostCpuidRoom) continue;
        if (!done) return std::move(done).take_error();
        if (head.cpuid.count > room)
            return Error::make("KVM_TDX_CAPABILITIES: more CPUID leaves than asked for");
        return TdxCaps{.attributes = head.supported_attributes,
                       .xfam = head.supported_xfam,
                       .kernel_r11 = head.kernel_call_info_r11,
                       .user_r11 = head.user_call_info_r11,
                       .kernel_r12 = head.kernel_call_info_r12,
                       .user_r12 = head.user_call_info_r12,
                       .configurable = to_set(block.entries(head.cpuid.count))};
    }
}

Status init_vm(kvm::Vm& vm, const abi::TdxInitVm& head, std::span<const CpuidEntry> entries) {
    kvm::ListBlock<abi::TdxInitVm, kvm_cpuid_entry2> block(entries.size());
    block.head() = head;
    block.head().cpuid.count = static_cast<uint32_t>(entries.size());
    copy_entries(entries, block.entries(entries.size()));
    Status done = until_served([&] { return call(vm, abi::kTdxInitVm, &block.head()); });
    if (!done) return explain_init_vm(std::move(done).take_error());
    return {};
}

Status init_vcpu(kvm::Vcpu& vcpu, uint64_t rcx) {
    abi::EncryptCommand command{};
    command.id = abi::kTdxInitVcpu;
    command.data = rcx;
    Result<int> done = vcpu.ioctl<abi::kMemoryEncryptOp>(command);
    if (done) return {};
    return Error::from_errno(done.error().number(), "%s: vCPU %u", command_name(command.id),
                             vcpu.index().raw());
}

Result<CpuidSet> read_cpuid(kvm::Vcpu& vcpu) {
    for (size_t room = kFirstCpuidRoom;; room *= 2) {
        kvm::ListBlock<abi::CpuidList, kvm_cpuid_entry2> block(room);
        block.head().count = static_cast<uint32_t>(room);
        Status done = call(vcpu, abi::kTdxGetCpuid, &block.head());
        if (!done && done.error().number() == E2BIG && room < kMostCpuidRoom) continue;
        if (!done) return std::move(done).take_error();
        if (block.head().count > room) return Error::make("KVM_TDX_GET_CPUID: more leaves than asked for");
        return to_set(block.entries(block.head().count));
    }
}

Status add_pages(kvm::Vcpu& vcpu, uint64_t gpa, std::span<const uint8_t> contents, Measure measure) {
    CHECK(is_aligned(reinterpret_cast<uintptr_t>(contents.data()) | contents.size() | gpa, kPageSize),
          "pages to be added are whole pages");
    abi::TdxInitMemRegion region{reinterpret_cast<uintptr_t>(contents.data()), gpa,
                                 contents.size() / kPageSize};
    const uint32_t flags = measure == Measure::Yes ? abi::kTdxMeasureRegion : 0;
    // What is left is written back each time, also when a call failed in the middle.
    while (region.pages != 0) {
        const uint64_t before = region.pages;
        Status done = until_served([&] { return call(vcpu, abi::kTdxInitMemRegion, &region, flags); });
        if (!done)
            return std::move(done).take_error().while_doing("adding the page at 0x%llx",
                                                            static_cast<unsigned long long>(region.gpa));
        if (region.pages >= before) break;
    }
    return {};
}

Status finalize(kvm::Vm& vm) {
    return call(vm, abi::kTdxFinalizeVm, nullptr);
}

}  // namespace vmm::tdx
