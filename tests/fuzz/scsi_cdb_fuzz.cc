// SCSI command blocks and parameter lists of any content, for a disk, a CD drive and an absent LUN, with
// requests held back, failing, aborted and reset. Each command ends once; no more is moved than there is room
// for; sense data come with CHECK CONDITION and only then.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "hw/scsi/bus.h"
#include "hw/scsi/cd.h"
#include "hw/scsi/disk.h"
#include "tests/unit/hw/block/disk_fixture.h"
#include "util/endian.h"

using namespace vmm;
using namespace vmm::scsi;

namespace {

struct Host final : Initiator {
    struct Command : Request {
        using Request::Request;
        std::vector<uint8_t> out;
        bool ended = false;
    };
    bool put(Request& request, uint64_t at, std::span<const uint8_t> from) override {
        CHECK(at <= request.data_in && from.size() <= request.data_in - at, "more than there is room for");
        return !broken;
    }
    bool get(Request& request, uint64_t at, std::span<uint8_t> into) override {
        const std::vector<uint8_t>& out = static_cast<Command&>(request).out;
        CHECK(at <= out.size() && into.size() <= out.size() - at, "more than there is");
        std::copy_n(out.begin() + static_cast<ptrdiff_t>(at), into.size(), into.begin());
        return !broken;
    }
    void completed(Request& request) override {
        Command& command = static_cast<Command&>(request);
        CHECK(!command.ended, "a command ends twice");
        command.ended = true;
        const bool check = request.outcome == Outcome::Done && request.status == StatusCode::CheckCondition;
        CHECK(request.outcome != Outcome::Done || check == !request.sense.empty(),
              "sense data and status differ");
        CHECK(request.moved <= std::max(request.data_in, request.data_out), "too much was moved");
    }
    bool broken = false;
};

class UnitDevice final : public Device {
  public:
    explicit UnitDevice(Unit& unit) : unit_(unit) {}
    std::string_view type() const override { return "scsi-fuzz"; }
    Unit* as_scsi() override { return &unit_; }

  private:
    Unit& unit_;
};

struct World : DiskWorld {
    World() : disk(UnitIdentity{}, Disk::Settings{}), cd(UnitIdentity{}, loop) {
        disk_node = &add_node(1u << 20, "disk");
        cd_node = &add_node(40 * 2048, "cd");
        block::DiskAttachment hd;
        hd.werror = block::OnError::Report;
        disk_ref = graph.attach("disk", disk, hd).take_value();
        disk.set_disk(*disk_ref);
        disk.set_place({0, 0, 0});
        block::DiskAttachment dvd;
        dvd.writable = false;
        dvd.removable = true;
        cd_ref = graph.attach("cd", cd, dvd).take_value();
        cd.set_disk(*cd_ref);
        cd.set_place({0, 1, 0});
        CHECK(bus.attach(disk_device) && bus.attach(cd_device), "two units on an empty bus");
    }
    ~World() {
        settle();
        bus.detach(cd_device);
        bus.detach(disk_device);
    }
    void settle() {
        disk_node->fails = nullptr;
        disk_node->release();
        cd_node->release();
        turn();
        for (const auto& command : commands)
            CHECK(command->ended, "a command does not end");
        commands.clear();
    }

    Host host;
    std::vector<std::unique_ptr<Host::Command>> commands;
    block::FakeNode *disk_node, *cd_node;
    Disk disk;
    Cd cd;
    block::DiskRef disk_ref, cd_ref;
    Bus bus{"scsi.0", nullptr, {}, nullptr};
    UnitDevice disk_device{disk}, cd_device{cd};
};

// A command: what and whither, room, the block, and sixteen bytes that are repeated as its data.
void send(World& w, const uint8_t* step) {
    auto command = std::make_unique<Host::Command>(w.host);
    const auto size = load_le<uint16_t>(step + 2);
    std::copy_n(step + 4, 16, command->cdb.begin());
    // Numbers that fit the units make most of the commands' ways reachable.
    if ((step[0] & 0x10) != 0) command->cdb[2] = command->cdb[3] = command->cdb[7] = 0;
    if ((step[0] & 0x20) != 0) {
        command->data_in = size;
    } else {
        command->out.resize(size);
        for (size_t i = 0; i < size; ++i)
            command->out[i] = (step[0] & 0x40) != 0 ? uint8_t{0} : step[20 + i % 12];
        command->data_out = size;
    }
    Host::Command& sent = *command;
    w.commands.push_back(std::move(command));
    w.bus.execute(sent, {0, step[1] & 1u, (step[1] & 0x1e) == 0 ? 5u : 0u});
}

void one_step(World& w, const uint8_t* step) {
    switch (step[0] & 15) {
        default:
            return send(w, step);
        case 9:
            return w.turn();
        case 10:
            return w.settle();
        case 11:
            w.disk_node->hold = w.cd_node->hold = true;
            return;
        case 12:
            w.disk_node->fails = [](const block::Request& r) { return r.offset % 1024 == 0 ? EIO : 0; };
            return;
        case 13:
            w.host.broken = (step[1] & 1) != 0;
            return;
        case 14:
            w.cd.set_tray((step[1] & 1) != 0, (step[1] & 2) != 0);
            return;
        case 15: {
            Unit& unit = (step[1] & 1) != 0 ? static_cast<Unit&>(w.cd) : w.disk;
            if ((step[1] & 2) != 0) return unit.reset(kBusReset);
            unit.abort_all();
            return;
        }
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    constexpr size_t kStep = 32, kMostSteps = 300;
    World w;
    for (size_t step = 0; size >= kStep && step < kMostSteps; ++step, data += kStep, size -= kStep)
        one_step(w, data);
    w.host.broken = false;
    w.settle();
    return 0;
}
