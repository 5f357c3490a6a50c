// The model of the kernel's TDX: what comes too early, too late, twice or wrong gets the errno that Linux
// gives.
#include "target/i386/confidential/tdx/td_model.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include "accel/kvm/list_block.h"
#include "accel/model/kernel_model.h"
#include "util/align.h"
#include "util/mmap.h"

namespace vmm::tdx {
namespace {

// Commands by hand; answers as the kernel's.
struct Kernel {
    Kernel() {
        model.vm_types = 1u << abi::kVmTdx;
        model.set_protection([](uint32_t, model::KernelModel& kernel) {
            return std::unique_ptr<model::ProtectionModel>(std::make_unique<TdModel>(kernel, nullptr));
        });
        vm = call(1000, KVM_CREATE_VM, reinterpret_cast<void*>(uintptr_t{abi::kVmTdx}));
        memory =
            MappedRegion::map(64 * kKiB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS).take_value();
    }
    ~Kernel() {
        for (int fd : {vm, vcpu, gmem})
            if (fd >= 0) ::close(fd);
    }
    int call(int fd, unsigned long request, void* argument) { return model.call(fd, request, argument); }
    int command(int fd, uint32_t id, void* data = nullptr, uint32_t flags = 0, uint64_t tail = 0) {
        abi::EncryptCommand c{id, flags, reinterpret_cast<uintptr_t>(data), tail};
        return call(fd, abi::kMemoryEncryptOp, &c);
    }
    int init_vm(uint64_t attributes = 0, uint64_t xfam = 3, uint32_t width = 48 << 16) {
        kvm::ListBlock<abi::TdxInitVm, kvm_cpuid_entry2> block(1);
        block.head().attributes = attributes;
        block.head().xfam = xfam;
        block.head().cpuid.count = 1;
        block.entries(1)[0].function = 0x80000008;
        block.entries(1)[0].eax = width;
        return command(vm, abi::kTdxInitVm, &block.head());
    }
    void split() {
        kvm_enable_cap cap{};
        cap.cap = KVM_CAP_SPLIT_IRQCHIP;
        call(vm, KVM_ENABLE_CAP, &cap);
    }
    int make_vcpu() { return vcpu = call(vm, KVM_CREATE_VCPU, nullptr); }
    void make_memory() {
        abi::CreateGuestMemfd create{64 * kKiB, 0, {}};
        gmem = call(vm, abi::kCreateGuestMemfd, &create);
        abi::UserMemoryRegion2 slot{};
        slot.flags = abi::kMemGuestMemfd;
        slot.memory_size = 64 * kKiB;
        slot.userspace_addr = reinterpret_cast<uintptr_t>(memory.data());
        slot.guest_memfd = static_cast<uint32_t>(gmem);
        ASSERT_EQ(call(vm, abi::kSetUserMemoryRegion2, &slot), 0);
    }
    int set_private(uint64_t size) {
        abi::MemoryAttributes attributes{0, size, abi::kMemoryAttributePrivate, 0};
        return call(vm, abi::kSetMemoryAttributes, &attributes);
    }
    int add(uint64_t gpa, uint64_t pages, uint32_t flags = 0) {
        region = {reinterpret_cast<uintptr_t>(memory.data()), gpa, pages};
        return command(vcpu, abi::kTdxInitMemRegion, &region, flags);
    }

    model::KernelModel model;
    MappedRegion memory;
    abi::TdxInitMemRegion region{};
    int vm = -1, vcpu = -1, gmem = -1;
};

TEST(TdModel, ShortCapabilityListsAreRefused) {
    Kernel k;
    kvm::ListBlock<abi::TdxCapabilities, kvm_cpuid_entry2> block(64);
    block.head().cpuid.count = 3;
    EXPECT_EQ(k.command(k.vm, abi::kTdxCapabilities, &block.head()), -E2BIG);
    EXPECT_EQ(block.head().cpuid.count, 3u);
    block.head().cpuid.count = 64;
    EXPECT_EQ(k.command(k.vm, abi::kTdxCapabilities, &block.head(), 1), -EINVAL);
    EXPECT_EQ(k.command(k.vm, abi::kTdxCapabilities, &block.head(), 0, 1), -EINVAL);
    EXPECT_EQ(k.command(k.vm, abi::kTdxCapabilities), -EFAULT);
    EXPECT_EQ(k.command(k.vm, abi::kTdxCapabilities, &block.head()), 0);
    EXPECT_EQ(k.command(k.vm, 9), -EINVAL);
    EXPECT_EQ(k.command(k.vm, abi::kTdxInitVcpu), -EINVAL);
}

TEST(TdModel, ParametersAreJudged) {
    Kernel k;
    EXPECT_EQ(k.init_vm(1u << 5), -EINVAL);
    EXPECT_EQ(k.init_vm(0, 1), -EINVAL);     // without SSE
    EXPECT_EQ(k.init_vm(0, 0x27), -EINVAL);  // a third of AVX-512
    EXPECT_EQ(k.init_vm(0, 1u << 20 | 3), -EINVAL);
    EXPECT_EQ(k.init_vm(0, 3, 46 << 16), -EINVAL);
    EXPECT_EQ(k.init_vm(0, 3, 48 << 16 | 1), -EINVAL);  // a bit that cannot be configured
    EXPECT_EQ(k.init_vm(), 0);
    EXPECT_EQ(k.init_vm(), -EINVAL);  // twice
}

TEST(TdModel, OrderIsKept) {
    Kernel k;
    EXPECT_EQ(k.make_vcpu(), -EIO);
    EXPECT_EQ(k.command(k.vm, abi::kTdxFinalizeVm), -EINVAL);
    ASSERT_EQ(k.init_vm(), 0);
    EXPECT_EQ(k.make_vcpu(), -EINVAL);  // the kernel's own IOAPIC
    k.split();
    ASSERT_GE(k.make_vcpu(), 0);
    EXPECT_EQ(k.call(k.vcpu, KVM_RUN, nullptr), -EINVAL);
    k.make_memory();
    k.set_private(64 * kKiB);
    EXPECT_EQ(k.add(0, 1), -EINVAL);  // before the vCPU is initialized
    EXPECT_EQ(k.command(k.vcpu, abi::kTdxInitVcpu, nullptr, 1), -EINVAL);
    EXPECT_EQ(k.command(k.vcpu, abi::kTdxInitVcpu), 0);
    EXPECT_EQ(k.command(k.vcpu, abi::kTdxInitVcpu), -EINVAL);
    EXPECT_EQ(k.add(0, 1), 0);
    EXPECT_EQ(k.command(k.vm, abi::kTdxFinalizeVm, nullptr, 1), -EINVAL);
    EXPECT_EQ(k.command(k.vm, abi::kTdxFinalizeVm), 0);
    EXPECT_EQ(k.command(k.vm, abi::kTdxFinalizeVm), -EINVAL);
    EXPECT_EQ(k.add(0x1000, 1), -EINVAL);  // too late
    kvm_regs regs{};
    EXPECT_EQ(k.call(k.vcpu, KVM_GET_REGS, &regs), -EINVAL);
}

TEST(TdModel, LateParametersAreRefused) {
    Kernel k;
    k.split();
    kvm_enable_cap cap{};
    cap.cap = 237;
    EXPECT_EQ(k.call(k.vm, KVM_ENABLE_CAP, &cap), 0);
    ASSERT_EQ(k.init_vm(), 0);
    ASSERT_GE(k.make_vcpu(), 0);
    EXPECT_EQ(k.call(k.vm, KVM_ENABLE_CAP, &cap), -EINVAL);
    Kernel early;
    EXPECT_EQ(early.call(early.vm, KVM_ENABLE_CAP, &cap), -ENXIO);
}

TEST(TdModel, PagesAreCounted) {
    Kernel k;
    ASSERT_EQ(k.init_vm(), 0);
    k.split();
    ASSERT_GE(k.make_vcpu(), 0);
    ASSERT_EQ(k.command(k.vcpu, abi::kTdxInitVcpu), 0);
    EXPECT_EQ(k.add(0, 1), -EINVAL);  // no slot
    k.make_memory();
    EXPECT_EQ(k.add(0, 1), -EINVAL);  // shared
    ASSERT_EQ(k.set_private(0x4000), 0);
    EXPECT_EQ(k.add(0, 2, abi::kTdxMeasureRegion), 0);
    EXPECT_EQ(k.region.pages, 0u);
    EXPECT_EQ(k.region.gpa, 0x2000u);
    EXPECT_EQ(k.add(0x1000, 1), -EEXIST);  // twice
    EXPECT_EQ(k.add(0x3000, 2), -EINVAL);  // the second is shared
    EXPECT_EQ(k.region.gpa, 0x4000u);      // and the first was added
    EXPECT_EQ(k.add(0x2000, 0), -EINVAL);
    EXPECT_EQ(k.add(0x2800, 1), -EINVAL);
    EXPECT_EQ(k.add(0x2000, 1, 2), -EINVAL);
    EXPECT_EQ(k.add(0x2000, uint64_t{1} << 60), -EINVAL);
    EXPECT_EQ(k.add(uint64_t{1} << 47, 1), -EINVAL);  // the shared half
    auto& td = static_cast<TdModel&>(*k.model.protection());
    model::PageSet added;
    added.add(0, 0x2000);
    added.add(0x3000);
    EXPECT_EQ(td.pages(), added);
    EXPECT_TRUE(td.measurements().empty());
    ASSERT_EQ(k.command(k.vm, abi::kTdxFinalizeVm), 0);
    Mrtd wanted;
    for (uint64_t gpa : {0u, 0x1000u}) {
        wanted.add_page(gpa);
        wanted.extend_page(gpa, std::vector<uint8_t>(kPageSize));
    }
    wanted.add_page(0x3000);
    const Sha384Digest value = wanted.value();
    EXPECT_EQ(td.measurements()[0].value, std::vector<uint8_t>(value.begin(), value.end()));
}

}  // namespace
}  // namespace vmm::tdx
