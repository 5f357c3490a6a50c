// The slot table against the model of the kernel: after any sequence of maps the kernel has exactly the plan.
#include "accel/kvm/slots.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "tests/unit/accel/kvm/fake_vm.h"
#include "util/align.h"

namespace vmm::kvm {
namespace {

constexpr uint64_t kHost = 0x7f0000000000;

SlotSpec ram(uint64_t gpa, uint64_t size, uint64_t host, int gmem = -1, uint64_t offset = 0) {
    return {GpaRange::of(Gpa(gpa), size), host, false, gmem, offset};
}

class CountingGate final : public GuestGate {
  public:
    void close() override {
        ASSERT_FALSE(closed);
        closed = true;
        times++;
    }
    void open() override {
        ASSERT_TRUE(closed);
        closed = false;
    }
    bool closed = false;
    unsigned times = 0;
};

// What the kernel has, in the plan's terms.
std::vector<SlotSpec> kernel_view(const FakeKvm& fake) {
    std::vector<SlotSpec> view;
    for (const auto& [id, slot] : fake.slots)
        view.push_back({GpaRange::of(Gpa(slot.gpa), slot.size), slot.host,
                        (slot.flags & KVM_MEM_READONLY) != 0, slot.gmem_fd, slot.gmem_offset});
    std::sort(view.begin(), view.end(), [](auto& a, auto& b) { return a.range.first() < b.range.first(); });
    return view;
}

TEST(SlotTable, unchangedPlanMakesNoCalls) {
    FakeVm vm;
    SlotTable table(*vm.vm);
    std::vector<SlotSpec> plan{ram(0, 0xa0000, kHost), ram(0x100000, 0x100000, kHost + 0x100000)};
    ASSERT_TRUE(table.apply(plan));
    EXPECT_EQ(vm.fake.count(abi::kSetUserMemoryRegion2), 2u);
    ASSERT_TRUE(table.apply(plan));
    EXPECT_EQ(vm.fake.count(abi::kSetUserMemoryRegion2), 2u);
    EXPECT_EQ(kernel_view(vm.fake), plan);
}

TEST(SlotTable, oldKernelsGetTheOldCall) {
    FakeVm vm;
    vm.fake.vm_caps.erase(abi::kCapUserMemory2);
    SlotTable table(*vm.vm);
    ASSERT_TRUE(table.apply({ram(0, 0xa0000, kHost)}));
    EXPECT_EQ(vm.fake.count(KVM_SET_USER_MEMORY_REGION), 1u);
    EXPECT_EQ(vm.fake.count(abi::kSetUserMemoryRegion2), 0u);
    EXPECT_FALSE(table.apply({ram(0x100000, 0xa0000, kHost, 5)}));
}

TEST(SlotTable, changeOfAGmemSlotIsDeleteAndAddBehindTheGate) {
    FakeVm vm(abi::kVmSwProtected);
    Fd gmem = vm.vm->create_guest_memfd({.size = kMiB}).take_value();
    CountingGate gate;
    SlotTable table(*vm.vm);
    table.set_gate(&gate);
    ASSERT_TRUE(table.apply({ram(0, 0x100000, kHost, gmem.get(), 0)}));
    EXPECT_EQ(gate.times, 0u);
    std::vector<SlotSpec> split{ram(0, 0xc0000, kHost, gmem.get(), 0),
                                ram(0xd0000, 0x30000, kHost + 0xd0000, gmem.get(), 0xd0000)};
    vm.fake.private_pages.add(0x1000);
    ASSERT_TRUE(table.apply(split));
    EXPECT_EQ(gate.times, 1u);
    EXPECT_FALSE(gate.closed);
    EXPECT_EQ(kernel_view(vm.fake), split);
    // The attribute map is the VM's: nobody set anything private again.
    EXPECT_EQ(vm.fake.count(abi::kSetMemoryAttributes), 0u);
    EXPECT_EQ(vm.fake.private_pages.count(), 1u);
}

TEST(SlotTable, removalAndAdditionElsewhereNeedNoGate) {
    FakeVm vm;
    CountingGate gate;
    SlotTable table(*vm.vm);
    table.set_gate(&gate);
    ASSERT_TRUE(table.apply({ram(0, 0x1000, kHost)}));
    ASSERT_TRUE(table.apply({ram(0x5000, 0x1000, kHost)}));
    EXPECT_EQ(gate.times, 0u);
}

TEST(SlotTable, idsAreUsedAgain) {
    FakeVm vm;
    SlotTable table(*vm.vm);
    for (int i = 0; i < 2000; i++) {
        uint64_t gpa = static_cast<uint64_t>(i % 7) * 0x10000;
        ASSERT_TRUE(table.apply({ram(gpa, 0x1000, kHost), ram(gpa + 0x1000, 0x1000, kHost + 0x8000)}));
        for (const auto& [id, slot] : vm.fake.slots)
            ASSERT_LT(id, 4u);
    }
}

TEST(SlotTable, tooManySlotsSaysTheLimit) {
    FakeVm vm;
    vm.fake.vm_caps[KVM_CAP_NR_MEMSLOTS] = 40;
    SlotTable table(*vm.vm);
    std::vector<SlotSpec> plan;
    for (uint64_t i = 0; i < 41; i++)
        plan.push_back(ram(i * 0x2000, 0x1000, kHost));
    Status status = table.apply(plan);
    ASSERT_FALSE(status);
    EXPECT_NE(status.error().text().find("more than 40 slots"), std::string::npos);
    EXPECT_EQ(table.live(), 40u);
    plan.pop_back();
    EXPECT_TRUE(table.apply(plan));
}

TEST(SlotTable, failureIsNamedAndRepairable) {
    FakeVm vm;
    SlotTable table(*vm.vm);
    ASSERT_TRUE(table.apply({ram(0, 0x3000, kHost)}));
    vm.fake.fail(abi::kSetUserMemoryRegion2, ENOMEM, 2);  // the addition after the deletion
    std::vector<SlotSpec> wanted{ram(0, 0x1000, kHost), ram(0x2000, 0x1000, kHost + 0x2000)};
    Status status = table.apply(wanted);
    ASSERT_FALSE(status);
    EXPECT_NE(status.error().text().find("KVM_SET_USER_MEMORY_REGION2"), std::string::npos);
    EXPECT_NE(status.error().text().find("0x0..0xfff"), std::string::npos);
    EXPECT_TRUE(vm.fake.slots.empty());
    ASSERT_TRUE(table.apply(wanted));
    EXPECT_EQ(kernel_view(vm.fake), wanted);
}

std::vector<SlotSpec> random_plan(std::mt19937_64& random, int gmem) {
    std::vector<SlotSpec> plan;
    uint64_t page = random() % 4;
    while (page < 60) {
        uint64_t pages = 1 + random() % 12;
        bool with_gmem = random() % 2 == 0;
        uint64_t shift = random() % 8 == 0 ? 0x1000000 : 0;  // another RAM block at the same address
        SlotSpec slot = ram(page * kPageSize, pages * kPageSize, kHost + shift + page * kPageSize);
        if (with_gmem) {
            slot.gmem_fd = gmem;
            slot.gmem_offset = page * kPageSize;
        } else {
            slot.readonly = random() % 4 == 0;
        }
        plan.push_back(slot);
        page += pages + random() % 3;
    }
    return plan;
}

// 20 000 random maps, each tenth with a call that fails: the table always knows what the kernel has, and the
// next good apply() gets exactly the plan.
TEST(SlotTable, randomMapsEndAsPlanned) {
    FakeVm vm(abi::kVmSwProtected);
    Fd gmem = vm.vm->create_guest_memfd({.size = 128 * kPageSize}).take_value();
    CountingGate gate;
    SlotTable table(*vm.vm);
    table.set_gate(&gate);
    std::mt19937_64 random(11);
    for (int round = 0; round < 100000; round++) {
        std::vector<SlotSpec> plan = random_plan(random, gmem.get());
        if (round % 10 == 9) {
            vm.fake.fail(abi::kSetUserMemoryRegion2, ENOMEM, 1 + static_cast<unsigned>(random() % 6));
            (void)table.apply(plan).operator bool();
            ASSERT_EQ(table.live(), vm.fake.slots.size());
            vm.fake.fail(KVM_GET_CLOCK, EIO);  // replaces a failure that was not reached
        }
        Status status = table.apply(plan);
        ASSERT_TRUE(status) << status.error().text();
        ASSERT_EQ(kernel_view(vm.fake), plan);
        ASSERT_FALSE(gate.closed);
        if (round % 1000 == 0) vm.fake.calls.clear();
    }
}

}  // namespace
}  // namespace vmm::kvm
