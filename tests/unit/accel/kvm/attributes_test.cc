// Memory attributes and pre-faulting on the model.
#include "accel/kvm/attributes.h"

#include <gtest/gtest.h>

#include "tests/unit/accel/kvm/fake_vm.h"

namespace vmm::kvm {
namespace {

const GpaRange kTwoPages = GpaRange::of(Gpa(0x10000), 0x2000);

TEST(KvmAttributes, oneCallSetsARange) {
    FakeVm vm(abi::kVmSwProtected);
    KvmAttributes attributes(*vm.vm);
    EXPECT_TRUE(attributes.set_visibility(kTwoPages, Visibility::Private));
    model::PageSet wanted;
    wanted.add(0x10000, 0x2000);
    EXPECT_EQ(vm.fake.private_pages, wanted);
    EXPECT_TRUE(attributes.set_visibility(GpaRange::of(Gpa(0x11000), 0x1000), Visibility::Shared));
    wanted.remove(0x11000);
    EXPECT_EQ(vm.fake.private_pages, wanted);
    EXPECT_EQ(vm.fake.count(abi::kSetMemoryAttributes), 2u);
}

TEST(KvmAttributes, failureKeepsItsErrno) {
    FakeVm vm(abi::kVmSwProtected);
    KvmAttributes attributes(*vm.vm);
    vm.fake.fail(abi::kSetMemoryAttributes, ENOMEM);
    Status status = attributes.set_visibility(kTwoPages, Visibility::Private);
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().number(), ENOMEM);
    EXPECT_TRUE(vm.fake.private_pages.empty());
}

TEST(KvmAttributes, ordinaryVmHasNoPrivateMemory) {
    FakeVm vm;
    EXPECT_FALSE(KvmAttributes(*vm.vm).has_private_memory());
    FakeVm other(abi::kVmSwProtected);
    EXPECT_TRUE(KvmAttributes(*other.vm).has_private_memory());
}

TEST(KvmAttributes, prefaultLoopsUntilAllIsThere) {
    FakeVm vm(abi::kVmSwProtected);
    auto vcpu = vm.vm->ioctl<KVM_CREATE_VCPU>(0ul);
    ASSERT_TRUE(vcpu);
    Fd vcpu_fd(*vcpu);
    KvmAttributes attributes(*vm.vm);
    attributes.prefault(kTwoPages);  // off a vCPU thread: nothing
    EXPECT_TRUE(vm.fake.prefaults.empty());
    attributes.set_current_vcpu([&] { return vcpu_fd.get(); });
    attributes.prefault(kTwoPages);
    ASSERT_EQ(vm.fake.prefaults.size(), 2u);
    EXPECT_EQ(vm.fake.prefaults[1].gpa, 0x11000u);
    EXPECT_EQ(vm.fake.prefaults[1].size, 0x1000u);
    vm.fake.fail(abi::kPreFaultMemory, EOPNOTSUPP);
    attributes.prefault(kTwoPages);  // a hint: no harm
    EXPECT_EQ(vm.fake.prefaults.size(), 2u);
}

}  // namespace
}  // namespace vmm::kvm
