// A bus with a disk (target 0, LUN 0), a CD (target 1) and a second unit of target 0, and an initiator with
// buffers of its own.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "hw/scsi/bus.h"
#include "hw/scsi/cd.h"
#include "hw/scsi/disk.h"
#include "tests/unit/hw/block/disk_fixture.h"

namespace vmm::scsi {

class TestInitiator final : public Initiator {
  public:
    struct Command : Request {
        explicit Command(TestInitiator& owner) : Request(owner) {}
        std::vector<uint8_t> in, out;
        unsigned ended = 0;
    };
    bool put(Request& request, uint64_t at, std::span<const uint8_t> from) override {
        auto& in = static_cast<Command&>(request).in;
        EXPECT_LE(at + from.size(), in.size());
        std::copy(from.begin(), from.end(), in.begin() + static_cast<ptrdiff_t>(at));
        return !broken;
    }
    bool get(Request& request, uint64_t at, std::span<uint8_t> into) override {
        const auto& out = static_cast<Command&>(request).out;
        EXPECT_LE(at + into.size(), out.size());
        std::copy_n(out.begin() + static_cast<ptrdiff_t>(at), into.size(), into.begin());
        return !broken;
    }
    void completed(Request& request) override { ++static_cast<Command&>(request).ended; }
    bool broken = false;
};

class TestUnitDevice final : public Device {
  public:
    TestUnitDevice(std::string id, Unit& unit) : Device(std::move(id)), unit_(unit) {}
    std::string_view type() const override { return "scsi-test"; }
    Unit* as_scsi() override { return &unit_; }

  private:
    Unit& unit_;
};

struct ScsiWorld : DiskWorld {
    static constexpr uint64_t kDiskSize = uint64_t{4} << 20, kCdSize = 100 * 2048;

    ScsiWorld() {
        disk_node = &add_node(kDiskSize, "disk");
        cd_node = &add_node(kCdSize, "cd");
        second_node = &add_node(kDiskSize, "second");
        UnitIdentity identity;
        identity.serial = identity.device_id = "S";
        Disk::Settings settings;
        settings.max_unmap = 1u << 20;
        disk = std::make_unique<Disk>(identity, settings);
        block::DiskAttachment reporting;
        reporting.werror = block::OnError::Report;
        disk_ref = graph.attach("disk", *disk, reporting).take_value();
        disk->set_disk(*disk_ref);
        disk->set_place({0, 0, 0});
        second = std::make_unique<Disk>(identity, settings);
        second_ref = graph.attach("second", *second, {}).take_value();
        second->set_disk(*second_ref);
        second->set_place({0, 0, 300});
        cd = std::make_unique<Cd>(identity, loop);
        block::DiskAttachment attachment;
        attachment.writable = false;
        attachment.removable = true;
        cd_ref = graph.attach("cd", *cd, attachment).take_value();
        cd->set_disk(*cd_ref);
        cd->set_place({0, 1, {}});
        for (Unit* unit : std::initializer_list<Unit*>{disk.get(), second.get(), cd.get()}) {
            devices.push_back(std::make_unique<TestUnitDevice>("d", *unit));
            EXPECT_TRUE(bus.attach(*devices.back()));
        }
    }
    ~ScsiWorld() {
        for (block::FakeNode* node : {disk_node, second_node, cd_node})
            node->release();
        turn();
        for (const auto& device : devices)
            bus.detach(*device);
    }

    static Cdb cdb(std::initializer_list<int> bytes) {
        Cdb out{};
        std::transform(bytes.begin(), bytes.end(), out.begin(),
                       [](int b) { return static_cast<uint8_t>(b); });
        return out;
    }
    TestInitiator::Command& begin(const Address& at, const Cdb& what, size_t room,
                                  std::vector<uint8_t> out = {}) {
        auto& command = *commands.emplace_back(std::make_unique<TestInitiator::Command>(initiator));
        command.cdb = what;
        command.in.assign(room, 0xee);
        command.data_in = room;
        command.data_out = out.size();
        command.out = std::move(out);
        bus.execute(command, at);
        return command;
    }
    TestInitiator::Command& run(const Address& at, std::initializer_list<int> what, size_t room = 0,
                                std::vector<uint8_t> out = {}) {
        auto& command = begin(at, cdb(what), room, std::move(out));
        EXPECT_TRUE(run_until([&] { return command.ended != 0; }));
        EXPECT_EQ(command.ended, 1u);
        return command;
    }
    // Key, code and qualifier as one number; 0: good.
    static uint32_t sense_of(const TestInitiator::Command& command) {
        EXPECT_EQ(command.outcome, Outcome::Done);
        if (command.status == StatusCode::Good) return 0;
        EXPECT_EQ(command.status, StatusCode::CheckCondition);
        return uint32_t{command.sense[2]} << 16 | uint32_t{command.sense[12]} << 8 | command.sense[13];
    }
    std::vector<uint8_t> sectors(const block::FakeNode& node, uint64_t first, uint64_t count,
                                 uint64_t size = 512) const {
        const auto begin = node.data.begin() + static_cast<ptrdiff_t>(first * size);
        return {begin, begin + static_cast<ptrdiff_t>(count * size)};
    }

    static constexpr Address kDisk{0, 0, 0}, kCd{0, 1, 0}, kSecond{0, 0, 300};
    TestInitiator initiator;
    std::vector<std::unique_ptr<TestInitiator::Command>> commands;
    block::FakeNode *disk_node, *cd_node, *second_node;
    std::unique_ptr<Disk> disk, second;
    std::unique_ptr<Cd> cd;
    block::DiskRef disk_ref, second_ref, cd_ref;
    Bus bus{"scsi.0", nullptr, {.targets = 8}, nullptr};
    std::vector<std::unique_ptr<TestUnitDevice>> devices;
};

}  // namespace vmm::scsi
