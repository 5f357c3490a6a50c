// Messages: MSI and MSI-X as a driver programs them, masks and pending bits included.
#include <gtest/gtest.h>

#include "tests/unit/hw/pci/pci_fixture.h"

namespace vmm::pci {
namespace {

constexpr DevFn kSlot{4, 0};
constexpr uint64_t kBar = 0xc0000000;
constexpr unsigned kVectors = MessageFunction::kVectors;

class PciMessages : public ::testing::Test {
  protected:
    void SetUp() override {
        function.map(world.topology);
        ASSERT_TRUE(world.bus.plug(function, kSlot));
        world.config_out(kSlot, kBar0, kBar, 4);
        world.config_out(kSlot, kCommand, kCommandMemory | kCommandMaster, 2);
        msi = capability(kCapMsi);
        msix = capability(kCapMsix);
    }
    void TearDown() override { world.bus.unplug(function); }
    unsigned capability(uint8_t id) {
        unsigned at = world.config_in(kSlot, kCapabilities, 1);
        while (at != 0 && world.config_in(kSlot, at, 1) != id)
            at = world.config_in(kSlot, at + 1, 1);
        return at;
    }
    void enable_msi(unsigned allotted_log2) {
        world.config_out(kSlot, msi + 4, 0xfee01000, 4);
        world.config_out(kSlot, msi + 12, 0x4040, 2);
        world.config_out(kSlot, msi + 2, 1 | allotted_log2 << 4, 2);
    }
    void set_entry(unsigned vector, uint32_t control) {
        const Gpa at(kBar + vector * 16);
        world.memory_space.store(at, 0xfee00000 | vector << 12, 4);
        world.memory_space.store(at + 8, 0x30 + vector, 4);
        world.memory_space.store(at + 12, control, 4);
    }
    PciWorld world;
    MessageFunction function;
    unsigned msi = 0, msix = 0;
};

TEST_F(PciMessages, withBothOffThePinMustBeUsed) {
    EXPECT_FALSE(function.signal(0));
    EXPECT_TRUE(world.pins.messages.empty());
}

TEST_F(PciMessages, msiAddsTheVectorToTheDataWithinWhatIsAllotted) {
    enable_msi(2);
    EXPECT_TRUE(function.signal(0));
    EXPECT_TRUE(function.signal(3));
    enable_msi(0);
    EXPECT_TRUE(function.signal(3));
    const std::vector<MsiMessage> wanted = {{0xfee01000, 0x4040}, {0xfee01000, 0x4043}, {0xfee01000, 0x4040}};
    EXPECT_EQ(world.pins.messages, wanted);
}

TEST_F(PciMessages, aMaskedMsiVectorIsPendingUntilUnmasked) {
    enable_msi(2);
    world.config_out(kSlot, msi + 16, 0b0010, 4);
    EXPECT_TRUE(function.signal(1));
    EXPECT_TRUE(world.pins.messages.empty());
    EXPECT_EQ(world.config_in(kSlot, msi + 20, 4), 0b0010u);
    world.config_out(kSlot, msi + 16, 0, 4);
    ASSERT_EQ(world.pins.messages.size(), 1u);
    EXPECT_EQ(world.pins.messages[0].data, 0x4041u);
    EXPECT_EQ(world.config_in(kSlot, msi + 20, 4), 0u);
}

TEST_F(PciMessages, withoutBusMasteringNothingIsSent) {
    enable_msi(0);
    world.config_out(kSlot, kCommand, kCommandMemory, 2);
    EXPECT_TRUE(function.signal(0));
    EXPECT_TRUE(world.pins.messages.empty());
}

TEST_F(PciMessages, messagesSilenceThePin) {
    function.pin(true);
    enable_msi(0);
    EXPECT_EQ(world.pins.log, "04.0:A+ 04.0:A- ");
    world.config_out(kSlot, msi + 2, 0, 2);
    EXPECT_EQ(world.pins.log, "04.0:A+ 04.0:A- 04.0:A+ ");
}

TEST_F(PciMessages, msixVectorsHaveMessagesOfTheirOwn) {
    EXPECT_EQ(world.config_in(kSlot, msix + 2, 2), kVectors - 1);
    world.config_out(kSlot, msix + 2, 0x8000, 2);
    for (unsigned i = 0; i < kVectors; ++i)
        set_entry(i, 0);
    EXPECT_TRUE(function.signal(2));
    EXPECT_TRUE(function.signal(0));
    const std::vector<MsiMessage> wanted = {{0xfee02000, 0x32}, {0xfee00000, 0x30}};
    EXPECT_EQ(world.pins.messages, wanted);
}

TEST_F(PciMessages, msixMasksHoldVectorsPendingEachAndAllTogether) {
    world.config_out(kSlot, msix + 2, 0x8000, 2);
    set_entry(0, 1);
    set_entry(1, 0);
    EXPECT_TRUE(function.signal(0));
    EXPECT_EQ(world.memory_space.load(Gpa(kBar + 0x800), 8), 0b01u);
    set_entry(0, 0);
    EXPECT_EQ(world.pins.messages.size(), 1u);
    EXPECT_EQ(world.memory_space.load(Gpa(kBar + 0x800), 8), 0u);
    world.config_out(kSlot, msix + 2, 0xc000, 2);
    EXPECT_TRUE(function.signal(0));
    EXPECT_TRUE(function.signal(1));
    EXPECT_EQ(world.memory_space.load(Gpa(kBar + 0x800), 4), 0b11u);
    EXPECT_EQ(world.pins.messages.size(), 1u);
    world.config_out(kSlot, msix + 2, 0x8000, 2);
    EXPECT_EQ(world.pins.messages.size(), 3u);
}

TEST_F(PciMessages, resetMasksEveryVectorAndForgetsWhatWasPending) {
    world.config_out(kSlot, msix + 2, 0xc000, 2);
    set_entry(1, 0);
    EXPECT_TRUE(function.signal(1));
    function.reset_enter();
    function.reset_hold();
    EXPECT_FALSE(function.signal(1));
    world.config_out(kSlot, kBar0, kBar, 4);
    world.config_out(kSlot, kCommand, kCommandMemory | kCommandMaster, 2);
    world.config_out(kSlot, msix + 2, 0x8000, 2);
    EXPECT_TRUE(world.pins.messages.empty());
    EXPECT_EQ(world.memory_space.load(Gpa(kBar + 16 + 12), 4), 1u);
}

}  // namespace
}  // namespace vmm::pci
