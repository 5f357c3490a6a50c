// Conversions that fail or come too fast become events: on the model of the kernel, from the vCPU's request
// to the event's members.
#include <gtest/gtest.h>

#include "hw/i386/guest_conversions.h"
#include "qapi/json_writer.h"
#include "system/control/startup/query_commands.h"
#include "tests/unit/accel/kvm/fake_world.h"

namespace vmm {
namespace {

constexpr uint64_t kRamSize = 64 * kPageSize, kRamAt = 0x40000000;

class Told final : public qapi::EventSink {
  public:
    void emit(std::string_view name, qapi::Dict data) override {
        check_no_locks_held("an event");
        all.push_back(std::string(name) + " " + qapi::to_json(qapi::Value(std::move(data))));
    }
    std::vector<std::string> all;
};

// A machine with 64 pages that start private.
class ConversionEvents : public testing::Test {
  protected:
    ConversionEvents() {
        block = kvm::private_ram(world, kRamSize);
        region.emplace(*block);
        world.topology.add(world.memory_root, region->ram, kRamAt);
        CHECK(static_cast<bool>(world.accelerator->map_memory(world.memory)), "map");
        conversions.emplace(world.memory, world.accelerator->attributes(), world.requests, true);
        watch_conversions(&*conversions, told);
    }
    ~ConversionEvents() override {
        conversions.reset();
        world.accelerator.reset();
    }
    kvm::GuestConverter::Outcome convert(uint64_t page, Visibility to) {
        return conversions->converter()
            .convert(GpaRange::of(Gpa(kRamAt + page * kPageSize), kPageSize), to)
            .outcome;
    }

    struct Region {
        explicit Region(RamBlock& ram_block) : ram(MemoryRegion::ram("ram", ram_block)) {}
        MemoryRegion ram;
    };
    using Outcome = kvm::GuestConverter::Outcome;
    kvm::FakeWorld world{IrqChipMode::Split, abi::kVmSwProtected};
    std::unique_ptr<RamBlock> block;
    std::optional<Region> region;
    Told told;
    std::optional<GuestConversions> conversions;
};

TEST_F(ConversionEvents, WhatIsDoneIsNoEvent) {
    EXPECT_EQ(convert(1, Visibility::Shared), Outcome::Done);
    EXPECT_EQ(convert(1, Visibility::Shared), Outcome::Unchanged);
    EXPECT_TRUE(told.all.empty());
}

TEST_F(ConversionEvents, TheHostsFailureHasItsReasonAndItsPlace) {
    world.fake.fail(abi::kSetMemoryAttributes, ENOMEM);
    EXPECT_EQ(convert(3, Visibility::Shared), Outcome::Failed);
    ASSERT_EQ(told.all.size(), 1u);
    EXPECT_NE(told.all[0].find(
                  R"(PENUMBRA_CONVERSION_FAILED {"address": 1073754112, "size": 4096, "to": "shared", )"
                  R"("outcome": "host-failed", "why": )"),
              std::string::npos)
        << told.all[0];
    EXPECT_NE(told.all[0].find("Cannot allocate memory"), std::string::npos) << told.all[0];
    EXPECT_NE(told.all[0].find(R"("count": 1})"), std::string::npos) << told.all[0];
}

// A change of the memory map that the attributes cannot follow stops the machine, unless it was an attempt.
TEST_F(ConversionEvents, AMapThatTheKernelCannotFollowIsReported) {
    auto rom = RamBlock::anonymous("rom", 0x10000).take_value();
    MemoryRegion window = MemoryRegion::rom("rom", *rom);
    auto show = [&] { world.topology.add(world.memory_root, window, kRamAt, 1); };
    auto hide = [&] { world.topology.remove(window); };
    ASSERT_TRUE(conversions->start());
    show();
    hide();
    EXPECT_TRUE(world.requests.all().empty());
    world.fake.fail(abi::kSetMemoryAttributes, ENOMEM);
    Status attempt = conversions->attempt([&] {
        show();
        return Status();
    });
    ASSERT_FALSE(attempt);
    EXPECT_TRUE(attempt.error().text().starts_with("making 0x10000 bytes at 0x40000000 shared: "))
        << attempt.error().text();
    EXPECT_TRUE(world.requests.all().empty());
    hide();
    world.fake.fail(abi::kSetMemoryAttributes, ENOMEM);
    show();
    ASSERT_EQ(world.requests.all().size(), 1u);
    EXPECT_TRUE(
        world.requests.all()[0].starts_with("memory map: making 0x10000 bytes at 0x40000000 shared: "))
        << world.requests.all()[0];
    hide();
}

TEST_F(ConversionEvents, WhatTheGuestMayNotIsToldAndCounted) {
    for (int i = 0; i < 3; ++i)
        EXPECT_EQ(convert(1000, Visibility::Private), Outcome::Refused) << "where no RAM is";
    ASSERT_EQ(told.all.size(), 3u);
    EXPECT_NE(told.all[2].find(R"("to": "private", "outcome": "guest-refused")"), std::string::npos)
        << told.all[2];
    EXPECT_NE(told.all[2].find(R"("count": 3})"), std::string::npos) << told.all[2];
}

TEST_F(ConversionEvents, WhoIsTooFastWaitsAndItIsTold) {
    conversions->limit().set_rate(50);
    for (uint64_t page = 0; page < 8; ++page)
        EXPECT_EQ(convert(page, Visibility::Shared), Outcome::Done) << "later, but done";
    ASSERT_FALSE(told.all.empty());
    EXPECT_EQ(told.all[0], R"(PENUMBRA_CONVERSIONS_DELAYED {"limit": 50, "delayed": 1})");
    EXPECT_EQ(told.all.size(), conversions->limit().delayed());
    EXPECT_LE(told.all.size(), 3u) << "five may come at once, and one is due";
    conversions->limit().set_rate(0);
    told.all.clear();
    for (uint64_t page = 0; page < 64; ++page)
        convert(page, Visibility::Private);
    EXPECT_TRUE(told.all.empty());
}

}  // namespace
}  // namespace vmm
