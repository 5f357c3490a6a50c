// What sw-protected-vm asks for: everything private memory takes, with the start that the user chose.
#include "target/i386/confidential/sw_protected_vm.h"

#include <gtest/gtest.h>

namespace vmm {
namespace {

TEST(SwProtectedVm, AsksForPrivateMemory) {
    for (Visibility start : {Visibility::Private, Visibility::Shared}) {
        SwProtectedVm guest("sp-vm0", start);
        const Requirements& needs = guest.requirements();
        EXPECT_EQ(needs.vm_type, 1u);  // KVM_X86_SW_PROTECTED_VM
        EXPECT_TRUE(needs.private_memory && needs.map_gpa_hypercalls && needs.forbids_smm);
        EXPECT_FALSE(needs.split_irqchip);
        EXPECT_EQ(needs.initial_visibility, start);
        EXPECT_EQ(guest.id(), "sp-vm0");
    }
}

TEST(Requirements, AnOrdinaryGuestNeedsNothing) {
    Requirements needs;
    EXPECT_EQ(needs.vm_type, 0u);
    EXPECT_FALSE(needs.private_memory || needs.map_gpa_hypercalls || needs.forbids_smm ||
                 needs.split_irqchip);
}

}  // namespace
}  // namespace vmm
