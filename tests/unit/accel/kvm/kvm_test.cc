// Opening KVM and making a VM: what is asked, and what each failure says.
#include "accel/kvm/kvm.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <set>

#include "accel/kvm/vm.h"
#include "tests/fakes/fake_kvm.h"
#include "tests/unit/accel/kvm/fake_vm.h"
#include "util/align.h"

namespace vmm::kvm {
namespace {

VmRequirements sw_protected() {
    VmRequirements needs;
    needs.vm_type = abi::kVmSwProtected;
    needs.vm_type_name = "sw-protected";
    needs.private_memory = true;
    return needs;
}

TEST(Kvm, missingDeviceSaysHowToGetOne) {
    FakeKvm fake;
    auto kvm = Kvm::open(fake, "/nonexistent/kvm");
    ASSERT_FALSE(kvm);
    EXPECT_EQ(kvm.error().number(), ENOENT);
    EXPECT_NE(kvm.error().text().find("/nonexistent/kvm"), std::string::npos);
    EXPECT_NE(kvm.error().hint().find("modprobe"), std::string::npos);
    EXPECT_NE(kvm.error().hint().find("nested"), std::string::npos);
}

TEST(Kvm, eachWayToFailHasItsOwnSentence) {
    std::set<std::string> messages;
    for (int number : {ENOENT, ENODEV, EACCES, EBUSY, EMFILE})
        messages.insert(device_error("/dev/kvm", number).message());
    for (uint32_t type = abi::kVmSwProtected; type <= abi::kVmTdx; type++)
        messages.insert(vm_type_error(type, "t" + std::to_string(type), 1).message());
    EXPECT_EQ(messages.size(), 10u);
    EXPECT_NE(device_error("/dev/kvm", EACCES).hint().find("kvm USER"), std::string::npos);
    EXPECT_NE(vm_type_error(abi::kVmSwProtected, "sw-protected", 1).hint().find("CONFIG_KVM_SW_PROTECTED_VM"),
              std::string::npos);
}

TEST(Kvm, notAKvmDevice) {
    SystemIoctlDoor door;
    auto kvm = Kvm::open(door, "/dev/null");
    ASSERT_FALSE(kvm);
    EXPECT_NE(kvm.error().text().find("'/dev/null' is not a KVM device"), std::string::npos);
}

TEST(Kvm, tooOldKernelIsRefused) {
    FakeKvm fake;
    fake.system_caps.erase(KVM_CAP_IMMEDIATE_EXIT);
    auto kvm = Kvm::open(fake, "/dev/null");
    ASSERT_FALSE(kvm);
    EXPECT_NE(kvm.error().text().find("too old"), std::string::npos);
}

TEST(Kvm, ordinaryVmCostsThreeCalls) {
    FakeVm vm;
    EXPECT_EQ(vm.fake.calls,
              (std::vector<unsigned long>{KVM_GET_API_VERSION, KVM_CHECK_EXTENSION, KVM_CREATE_VM}));
    EXPECT_EQ(::fcntl(vm.vm->fd(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    EXPECT_FALSE(vm.vm->has_private_memory());
}

TEST(Kvm, vmTypeNotOfferedIsRefusedBeforeTheCall) {
    FakeKvm fake;
    auto kvm = Kvm::open(fake, "/dev/null");
    ASSERT_TRUE(kvm);
    auto vm = Vm::create(**kvm, sw_protected());
    ASSERT_FALSE(vm);
    EXPECT_NE(vm.error().text().find("VM type 'sw-protected'"), std::string::npos);
    EXPECT_EQ(fake.count(KVM_CREATE_VM), 0u);
}

TEST(Kvm, privateMemoryOnAnOrdinaryVmIsRefused) {
    FakeKvm fake;
    auto kvm = Kvm::open(fake, "/dev/null");
    ASSERT_TRUE(kvm);
    VmRequirements needs;
    needs.private_memory = true;
    auto vm = Vm::create(**kvm, needs);
    ASSERT_FALSE(vm);
    EXPECT_NE(vm.error().hint().find("confidential-guest-support"), std::string::npos);
}

TEST(Kvm, eachFailingCallIsNamed) {
    const std::pair<unsigned long, const char*> kCalls[] = {{KVM_GET_API_VERSION, "KVM_GET_API_VERSION"},
                                                            {KVM_CREATE_VM, "KVM_CREATE_VM"}};
    for (auto [request, name] : kCalls) {
        FakeKvm fake;
        fake.vm_types = 3;
        fake.fail(request, EIO);
        auto kvm = Kvm::open(fake, "/dev/null");
        if (!kvm) {
            EXPECT_NE(kvm.error().text().find(name), std::string::npos) << kvm.error().text();
            continue;
        }
        auto vm = Vm::create(**kvm, sw_protected());
        ASSERT_FALSE(vm) << name;
        EXPECT_NE(vm.error().text().find(name), std::string::npos) << vm.error().text();
        EXPECT_EQ(vm.error().number(), EIO);
    }
}

TEST(Vm, guestMemfdIsCloseOnExecAndOfItsSize) {
    FakeVm vm(abi::kVmSwProtected);
    auto fd = vm.vm->create_guest_memfd({.size = 2 * kMiB});
    ASSERT_TRUE(fd);
    EXPECT_EQ(::fcntl(fd->get(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    EXPECT_EQ(vm.fake.gmems.at(fd->get()), 2 * kMiB);
}

TEST(Vm, mappableGuestMemfdNeedsTheFlags) {
    FakeVm vm;
    auto refused = vm.vm->create_guest_memfd({.size = kMiB, .mappable = true, .init_shared = true});
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().hint().find("6.18"), std::string::npos);
    EXPECT_EQ(vm.fake.count(abi::kCreateGuestMemfd), 0u);

    FakeVm newer;
    newer.fake.vm_caps[abi::kCapGuestMemfdFlags] = 3;
    EXPECT_TRUE(newer.vm->create_guest_memfd({.size = kMiB, .mappable = true, .init_shared = true}));
}

TEST(Vm, failingGuestMemfdNamesTheCall) {
    FakeVm vm(abi::kVmSwProtected);
    vm.fake.fail(abi::kCreateGuestMemfd, ENOMEM);
    auto fd = vm.vm->create_guest_memfd({.size = kMiB});
    ASSERT_FALSE(fd);
    EXPECT_NE(fd.error().text().find("KVM_CREATE_GUEST_MEMFD"), std::string::npos);
}

TEST(Capabilities, eachIsAskedOnce) {
    FakeVm vm(abi::kVmSwProtected);
    EXPECT_TRUE(vm.vm->has_private_memory());
    size_t asked = vm.fake.calls.size();
    for (int i = 0; i < 10; i++)
        EXPECT_TRUE(vm.vm->has_private_memory());
    EXPECT_EQ(vm.fake.calls.size(), asked);
}

}  // namespace
}  // namespace vmm::kvm
