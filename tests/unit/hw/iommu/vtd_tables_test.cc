// Tables of VT-d in memory: where requests go, and each reason why they do not.
#include "hw/iommu/vtd_tables.h"

#include <gtest/gtest.h>

#include "system/memory/address_space.h"
#include "system/memory/ram_block.h"
#include "system/memory/region.h"
#include "system/memory/topology.h"
#include "util/endian.h"

namespace vmm::vtd {
namespace {

constexpr uint64_t kRoot = 0x1000, kContexts = 0x2000, kTop = 0x3000, kMiddle = 0x4000, kLast = 0x5000,
                   kExtra = 0x6000, kInterrupts = 0x7000, kOutside = 0x7000000;
constexpr uint16_t kDevice = 0x0120;

class VtdTables : public ::testing::Test {
  protected:
    void SetUp() override {
        topology_.add(system_, ram_region_, 0);
        put(kRoot + 16, kContexts | 1);
        put(kContexts + 0x20 * 16, kTop | 1);
        put(kContexts + 0x20 * 16 + 8, 1);
        put(kTop, kMiddle | 3);
        put(kMiddle, kLast | 3);
        put(kLast + 8, 0x9000 | 3);
    }
    void put(uint64_t at, uint64_t value) {
        ASSERT_TRUE(memory_.write_value(Gpa(at), LeNumber<uint64_t>(value)));
    }
    Outcome<Gpa> go(uint64_t address, bool write = false, uint16_t device = kDevice) {
        return translate(tables_, memory_, device, Gpa(address), write);
    }
    // What a request meets once the word at a place is this; the word is put back.
    Outcome<Gpa> with(uint64_t at, uint64_t value, uint64_t address = 0x1000, bool write = false) {
        const uint64_t before = *memory_.read<LeNumber<uint64_t>>(Gpa(at));
        put(at, value);
        const Outcome<Gpa> outcome = go(address, write);
        put(at, before);
        return outcome;
    }
    Interrupt interrupt(uint64_t address, uint32_t data = 0, std::optional<uint16_t> from = kDevice) {
        return remap(table_, memory_, from, {address, data});
    }

    Topology topology_;
    MemoryRegion system_ = MemoryRegion::container("system", MemoryRegion::kWholeSpace);
    std::unique_ptr<RamBlock> ram_ = RamBlock::anonymous("ram", 1 << 20).take_value();
    MemoryRegion ram_region_ = MemoryRegion::ram("ram", *ram_);
    AddressSpace space_{topology_, system_, "memory"};
    DmaSpace memory_{space_};
    DmaTables tables_{.root = kRoot, .address_bits = 48};
    InterruptTable table_{.base = kInterrupts, .entries = 16};
};

TEST_F(VtdTables, pagesOfEachSizeAndBothWidths) {
    EXPECT_EQ(go(0x1234).where, Gpa(0x9234));
    EXPECT_EQ(with(kMiddle, 0x600000 | 0x83, 0x1234).where, Gpa(0x601234));
    EXPECT_EQ(with(kTop, 0x40000000 | 0x83, 0x1234567).where, Gpa(0x41234567));
    put(kExtra, kTop | 3);
    put(kContexts + 0x20 * 16, kExtra | 1);
    put(kContexts + 0x20 * 16 + 8, 2);
    EXPECT_EQ(go(0x1fff, true).where, Gpa(0x9fff));
    EXPECT_EQ(with(kExtra, kTop | 0x83).fault, Fault::PageReserved);  // no pages of 512 GiB
}

TEST_F(VtdTables, contextsThatPassThrough) {
    const uint64_t at = kContexts + 0x20 * 16;
    EXPECT_EQ(with(at, 2 << 2 | 1, 0x123456789).where, Gpa(0x123456789));
    tables_.pass_through = false;
    EXPECT_EQ(with(at, 2 << 2 | 1).fault, Fault::ContextInvalid);
}

TEST_F(VtdTables, contextsForDevicesWithTlbs) {
    const uint64_t at = kContexts + 0x20 * 16;
    EXPECT_EQ(with(at, kTop | 1 << 2 | 1, 0x1234).fault, Fault::ContextInvalid);
    tables_.device_tlbs = true;
    EXPECT_EQ(with(at, kTop | 1 << 2 | 1, 0x1234).where, Gpa(0x9234));
}

TEST_F(VtdTables, everyReasonToRefuse) {
    const uint64_t context = kContexts + 0x20 * 16;
    const struct {
        uint64_t at, value, address;
        bool write;
        Fault fault;
    } rows[] = {
        {kRoot + 16, 0, 0x1000, false, Fault::RootNotPresent},
        {kRoot + 16, kContexts | 3, 0x1000, false, Fault::RootReserved},
        {kRoot + 24, 1, 0x1000, false, Fault::RootReserved},
        {kRoot + 16, kOutside | 1, 0x1000, false, Fault::ContextUnreadable},
        {context, 0, 0x1000, false, Fault::ContextNotPresent},
        {context, kTop | 1 << 2 | 1, 0x1000, false, Fault::ContextInvalid},
        {context, kTop | 1 << 4 | 1, 0x1000, false, Fault::ContextReserved},
        {context + 8, 3, 0x1000, false, Fault::ContextInvalid},
        {context + 8, 1 << 7 | 1, 0x1000, false, Fault::ContextReserved},
        {context, kOutside | 1, 0x1000, false, Fault::PageTableUnreadable},
        {kTop, kMiddle | 3, uint64_t{1} << 39, false, Fault::AddressBeyondWidth},
        {kTop, kMiddle | 2, 0x1000, false, Fault::ReadDenied},
        {kMiddle, kLast | 1, 0x1000, true, Fault::WriteDenied},
        {kLast + 8, 0, 0x1000, true, Fault::WriteDenied},
        {kLast + 8, uint64_t{1} << 50 | 3, 0x1000, false, Fault::PageReserved},
        {kMiddle, 0x1000 | 0x83, 0x1000, false, Fault::PageReserved},
    };
    for (const auto& row : rows) {
        const Outcome<Gpa> outcome = with(row.at, row.value, row.address, row.write);
        EXPECT_FALSE(outcome.where);
        EXPECT_EQ(outcome.fault, row.fault) << std::hex << row.at << " " << row.value;
        EXPECT_FALSE(outcome.silent);
    }
    tables_.root = kOutside;
    EXPECT_EQ(go(0).fault, Fault::RootUnreadable);
}

TEST_F(VtdTables, aContextMayAskForSilence) {
    put(kContexts + 0x20 * 16, kTop | 3);
    EXPECT_TRUE(with(kLast + 8, 0).silent);
    EXPECT_TRUE(with(kContexts + 0x20 * 16, 2).silent);
}

TEST_F(VtdTables, interruptsBecomeWhatTheirEntrySays) {
    // Index 5: vector 0x55, lowest priority, level, logical, to processor 3.
    put(kInterrupts + 5 * 16, 0x0000030000550035 | 1 << 2);
    const Interrupt found = interrupt(0xfee00010 | 5 << 5);
    ASSERT_TRUE(found.outcome.where);
    EXPECT_EQ(found.outcome.where->address, 0xfee03004u);
    EXPECT_EQ(found.outcome.where->data, 0xc155u);
    // The same by its handle and a part.
    EXPECT_EQ(interrupt(0xfee00018 | 3 << 5, 2).outcome.where, found.outcome.where);
    table_.extended_ids = true;
    put(kInterrupts + 5 * 16, 0x0001020300550001);
    EXPECT_EQ(interrupt(0xfee00010 | 5 << 5).outcome.where->address, 0x00010200fee03000u);
}

TEST_F(VtdTables, sendersAreVerified) {
    const struct {
        uint64_t high;
        uint16_t from;
        bool good;
    } rows[] = {
        {0, 0x1234, true},
        {1 << 18 | 0x0120, 0x0120, true},
        {1 << 18 | 0x0120, 0x0121, false},
        {1 << 18 | 1 << 16 | 0x0120, 0x0124, true},
        {1 << 18 | 1 << 16 | 0x0120, 0x0122, false},
        {1 << 18 | 3 << 16 | 0x0120, 0x0127, true},
        {1 << 18 | 3 << 16 | 0x0120, 0x0128, false},
        {2 << 18 | 0x0103, 0x0220, true},
        {2 << 18 | 0x0103, 0x0420, false},
    };
    put(kInterrupts, 0x00550001);
    for (const auto& row : rows) {
        put(kInterrupts + 8, row.high);
        EXPECT_EQ(interrupt(0xfee00010, 0, row.from).outcome.where.has_value(), row.good)
            << std::hex << row.high << " " << row.from;
        EXPECT_TRUE(interrupt(0xfee00010, 0, std::nullopt).outcome.where);
    }
}

TEST_F(VtdTables, everyReasonToBlockAnInterrupt) {
    EXPECT_EQ(interrupt(0xfee00000).outcome.fault, Fault::InterruptFormat);
    table_.old_format = true;
    EXPECT_EQ(interrupt(0xfee01000, 0x41).outcome.where, (MsiMessage{0xfee01000, 0x41}));
    EXPECT_EQ(interrupt(0xfee00010 | 16 << 5).outcome.fault, Fault::InterruptIndex);
    EXPECT_EQ(interrupt(0xfee00018 | 0x7fff << 5 | 4, 0xffff).outcome.fault, Fault::InterruptIndex);
    EXPECT_EQ(interrupt(0xfee00010 | 2 << 5).outcome.fault, Fault::InterruptNotPresent);
    EXPECT_EQ(interrupt(0xfee00010 | 2 << 5).index, 2u);
    for (const uint64_t low :
         {uint64_t{0x1001}, uint64_t{0x8001}, uint64_t{0x01000001}, uint64_t{1} << 32 | 1}) {
        put(kInterrupts, low);
        EXPECT_EQ(interrupt(0xfee00010).outcome.fault, Fault::InterruptReserved);
    }
    put(kInterrupts, 3);
    put(kInterrupts + 8, 3 << 18);
    EXPECT_EQ(interrupt(0xfee00010).outcome.fault, Fault::InterruptReserved);
    EXPECT_TRUE(interrupt(0xfee00010).outcome.silent);
    table_.base = kOutside;
    EXPECT_EQ(interrupt(0xfee00010).outcome.fault, Fault::InterruptUnreadable);
}

}  // namespace
}  // namespace vmm::vtd
