// Vectors that the kernel delivers: routes and descriptors follow what the guest programs.
#include "hw/pci/vector_events.h"

#include <gtest/gtest.h>

#include "tests/fakes/fake_routes.h"
#include "tests/unit/hw/pci/pci_fixture.h"

namespace vmm::pci {
namespace {

constexpr DevFn kSlot{4, 0};
constexpr uint64_t kBar = 0xc0000000;

class VectorEventsTest : public ::testing::Test {
  protected:
    void SetUp() override {
        function.map(world.topology);
        ASSERT_TRUE(world.bus.plug(function, kSlot));
        world.config_out(kSlot, kBar0, kBar, 4);
        world.config_out(kSlot, kCommand, kCommandMemory | kCommandMaster, 2);
    }
    void TearDown() override {
        events.reset();
        world.bus.unplug(function);
    }
    void control(uint16_t value) { world.config_out(kSlot, function.msix_offset() + 2, value, 2); }
    void table(unsigned vector, unsigned word, uint32_t value) {
        world.memory_space.store(Gpa(kBar + vector * 16 + word * 4), value, 4);
    }
    void program(unsigned vector, uint32_t data) {
        table(vector, 0, 0xfee00000);
        table(vector, 2, data);
    }
    uint64_t pending() { return world.memory_space.load(Gpa(kBar + 0x800), 4); }

    PciWorld world;
    MessageFunction function;
    FakeRoutes kernel;
    std::unique_ptr<VectorEvents> events = std::make_unique<VectorEvents>(function.msix(), kernel, kernel);
};

TEST_F(VectorEventsTest, aVectorIsRoutedWhenItIsEnabledAndUnmasked) {
    Result<EventFd*> event = events->bind(1);
    ASSERT_TRUE(event);
    program(1, 0x51);
    control(0x8000);
    EXPECT_TRUE(kernel.attached.empty());
    table(1, 3, 0);
    EXPECT_EQ(kernel.table.at(24), (MsiMessage{0xfee00000, 0x51}));
    EXPECT_EQ(kernel.attached.at(24), (*event)->fd());
    table(1, 3, 1);
    EXPECT_TRUE(kernel.attached.empty());
    control(0);
    EXPECT_TRUE(kernel.attached.empty());
}

TEST_F(VectorEventsTest, enablingManyVectorsSetsTheTableOnce) {
    ASSERT_TRUE(events->bind(0));
    ASSERT_TRUE(events->bind(2));
    control(0xc000);  // enabled, all masked
    for (unsigned vector : {0u, 2u}) {
        program(vector, 0x40 + vector);
        table(vector, 3, 0);
    }
    EXPECT_EQ(kernel.commits, 0u);
    control(0x8000);
    EXPECT_EQ(kernel.commits, 1u);
    EXPECT_EQ(kernel.table.size(), 2u);
    EXPECT_EQ(kernel.attached.size(), 2u);
    control(0xc000);
    control(0x8000);
    EXPECT_EQ(kernel.commits, 1u);  // the messages are the same
}

TEST_F(VectorEventsTest, aNewMessageReplacesTheRoute) {
    ASSERT_TRUE(events->bind(0));
    control(0x8000);
    program(0, 0x41);
    table(0, 3, 0);
    table(0, 2, 0x77);
    EXPECT_EQ(kernel.table.at(24).data, 0x77u);
    EXPECT_EQ(kernel.attached.size(), 1u);
}

TEST_F(VectorEventsTest, aSignalWhileMaskedIsPending) {
    Result<EventFd*> event = events->bind(1);
    ASSERT_TRUE(event);
    program(1, 0x51);
    control(0x8000);
    EXPECT_EQ(pending(), 0u);
    (*event)->signal();
    EXPECT_EQ(pending(), 2u);
    EXPECT_EQ(pending(), 2u);  // looking does not take it
    table(1, 3, 0);
    EXPECT_EQ(kernel.attached.size(), 1u);
    EXPECT_EQ(pending(), 0u);
}

TEST_F(VectorEventsTest, withoutBusMasteringNothingIsDelivered) {
    ASSERT_TRUE(events->bind(0));
    program(0, 0x41);
    table(0, 3, 0);
    control(0x8000);
    EXPECT_EQ(kernel.attached.size(), 1u);
    world.config_out(kSlot, kCommand, kCommandMemory, 2);
    EXPECT_TRUE(kernel.attached.empty());
    world.config_out(kSlot, kCommand, kCommandMemory | kCommandMaster, 2);
    EXPECT_EQ(kernel.attached.size(), 1u);
}

TEST_F(VectorEventsTest, aResetLetsGoOfAll) {
    ASSERT_TRUE(events->bind(0));
    program(0, 0x41);
    table(0, 3, 0);
    control(0x8000);
    function.reset_enter();
    function.reset_hold();
    EXPECT_TRUE(kernel.attached.empty());
}

TEST_F(VectorEventsTest, bindingALiveVectorAttachesAtOnceAndUnbindingCleansUp) {
    program(0, 0x41);
    table(0, 3, 0);
    control(0x8000);
    ASSERT_TRUE(events->bind(0));
    EXPECT_EQ(kernel.attached.size(), 1u);
    events->unbind(0);
    EXPECT_TRUE(kernel.attached.empty());
    EXPECT_TRUE(kernel.table.empty());
    EXPECT_EQ(kernel.room, 2u);
    events->unbind(0);
}

TEST_F(VectorEventsTest, aFullTableIsAnError) {
    ASSERT_TRUE(events->bind(0));
    ASSERT_TRUE(events->bind(1));
    EXPECT_FALSE(events->bind(2));
}

}  // namespace
}  // namespace vmm::pci
