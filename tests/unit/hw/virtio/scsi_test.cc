// SCSI host: commands and their answers, addresses, overruns, tasks that abort and query, events, resets with
// commands under way.
#include "hw/virtio/scsi.h"

#include <gtest/gtest.h>

#include "hw/scsi/disk.h"
#include "tests/unit/hw/virtio/disk_world.h"

namespace vmm::virtio {
namespace {

constexpr uint64_t kHotplug = bit(1), kChange = bit(2);
constexpr uint8_t kGood = 0, kCheck = 2;

// A disk that users can name, on a node of its own.
struct TestDisk final : vmm::Device {
    struct Config {
        std::string drive;
        std::optional<uint32_t> scsi_id, lun;
    };
    static constexpr std::array kProps = {prop<Config, &Config::drive>("drive"),
                                          prop<Config, &Config::scsi_id>("scsi-id"),
                                          prop<Config, &Config::lun>("lun")};
    static constexpr DeviceInfo kInfo = {.name = "test-disk", .bus = "SCSI"};
    static Result<std::unique_ptr<TestDisk>> create(const Config& config, DeviceEnv& env,
                                                    const std::string& id) {
        auto disk = std::make_unique<TestDisk>(id);
        disk->unit.set_place({0, config.scsi_id, config.lun});
        block::DiskAttachment attachment;
        attachment.device_id = id;
        disk->ref = TRY(env.back_ends().block_graph().attach(config.drive, disk->unit, attachment));
        disk->unit.set_disk(*disk->ref);
        return disk;
    }
    explicit TestDisk(const std::string& id) : vmm::Device(id) {}
    std::string_view type() const override { return kInfo.name; }
    scsi::Unit* as_scsi() override { return &unit; }
    scsi::Disk unit{scsi::UnitIdentity(), scsi::Disk::Settings()};
    block::DiskRef ref;
};

struct ScsiWorld : DiskWorld {
    ScsiWorld() {
        machine.types.add(device_type<TestDisk>());
        EXPECT_EQ(add({{"driver", "virtio-scsi-pci"}, {"id", "s"}}), "");
    }
    ~ScsiWorld() { end("s"); }
    std::string add(std::initializer_list<std::pair<const char*, const char*>> list) {
        return add_device(list);
    }
    std::string add_disk() {
        return add({{"driver", "test-disk"},
                    {"id", "d"},
                    {"drive", "fake"},
                    {"bus", "s.0"},
                    {"scsi-id", "3"},
                    {"lun", "2"}});
    }
};

struct Answer {
    bool used = false;
    uint32_t written = 0;
    uint8_t response = 0xee, status = 0xee;
    uint32_t sense_size = 0, residual = 0;
    std::vector<uint8_t> sense, data;
};

struct ScsiDriver : PciDriver {
    explicit ScsiDriver(ScsiWorld& world, uint64_t wanted = 0) : PciDriver(world.machine, "s") {
        start(wanted, 3);
    }
    static ScsiLun lun(uint8_t target, uint16_t number) {
        return {1, target, static_cast<uint8_t>(0x40 | number >> 8), static_cast<uint8_t>(number)};
    }
    std::vector<DriverBuffer> make(const ScsiLun& where, uint64_t tag, std::vector<uint8_t> cdb,
                                   std::span<const uint8_t> out, uint32_t in) {
        const ScsiCommandHeader header{where, tag, 0, 0, 0};
        std::vector<uint8_t> raw(bytes_of(header).begin(), bytes_of(header).end());
        cdb.resize(32);
        raw.insert(raw.end(), cdb.begin(), cdb.end());
        std::vector<DriverBuffer> buffers = {with(raw)};
        if (!out.empty()) buffers.push_back(with(out));
        buffers.push_back(room(sizeof(ScsiCommandAnswer) + 96));
        if (in != 0) buffers.push_back(room(in));
        return buffers;
    }
    Answer read(const std::vector<DriverBuffer>& buffers, std::optional<UsedBuffer> used, bool out) {
        Answer answer;
        if (!used) return answer;
        answer.used = true;
        answer.written = used->written;
        const size_t at = out ? 2 : 1;
        const auto head = bytes(buffers[at]);
        answer.sense_size = load_le<uint32_t>(head.data());
        answer.residual = load_le<uint32_t>(head.data() + 4);
        answer.status = head[10];
        answer.response = head[11];
        answer.sense.assign(head.begin() + 12, head.begin() + 12 + answer.sense_size);
        if (buffers.size() > at + 1) {
            const auto data = bytes(buffers[at + 1]);
            answer.data.assign(data.begin(), data.end());
        }
        return answer;
    }
    Answer command(const ScsiLun& where, std::vector<uint8_t> cdb, std::span<const uint8_t> out = {},
                   uint32_t in = 0, uint64_t tag = 1) {
        const std::vector<DriverBuffer> buffers = make(where, tag, std::move(cdb), out, in);
        return read(buffers, run(2, buffers), !out.empty());
    }
    // The answer's byte; 0xee when none came.
    uint8_t task(uint32_t subtype, const ScsiLun& where, uint64_t tag = 0) {
        const ScsiTaskHeader header{0, subtype, where, tag};
        const std::vector<DriverBuffer> buffers = {with(bytes_of(header)), room(1)};
        if (!run(0, buffers)) return 0xee;
        return bytes(buffers[1])[0];
    }
    void clear_attention(const ScsiLun& where) { (void)command(where, {0}); }
};

TEST(VirtioScsi, showsItself) {
    ScsiWorld w;
    PciDriver d(w.machine, "s");
    EXPECT_EQ(d.function().config_read(0, 4), 0x10041af4u);
    EXPECT_EQ(d.config(0, 4), 1u);
    EXPECT_EQ(d.config(4, 4), 254u);
    EXPECT_EQ(d.config(20, 4), 96u);
    EXPECT_EQ(d.config(24, 4), 32u);
    EXPECT_EQ(d.config(30, 2), 255u);
    EXPECT_EQ(d.config(32, 4), 16383u);
    EXPECT_EQ(d.features() & 0xff, kHotplug | kChange);
}

TEST(VirtioScsi, refusesWhatCannotBe) {
    ScsiWorld w;
    EXPECT_NE(w.add({{"driver", "virtio-scsi-pci"}, {"num_queues", "0"}}).find("Invalid number of queues"),
              std::string::npos);
    EXPECT_NE(w.add({{"driver", "virtio-scsi-pci"}, {"virtqueue_size", "3"}}).find("power of 2"),
              std::string::npos);
    EXPECT_NE(w.add({{"driver", "virtio-scsi-pci"}, {"iothread", "x"}}).find("iothread"), std::string::npos);
}

TEST(VirtioScsi, commandsReachTheUnit) {
    ScsiWorld w;
    ASSERT_EQ(w.add_disk(), "");
    ScsiDriver d(w);
    const ScsiLun unit = ScsiDriver::lun(3, 2);
    const Answer first = d.command(unit, {0});
    EXPECT_EQ(first.response, 0);
    EXPECT_EQ(first.status, kCheck);
    ASSERT_GE(first.sense_size, 14u);
    EXPECT_EQ(first.sense[2] & 0xf, 6) << "unit attention after power on";
    EXPECT_EQ(d.command(unit, {0}).status, kGood);
    const Answer inquiry = d.command(unit, {0x12, 0, 0, 0, 36}, {}, 36);
    EXPECT_EQ(inquiry.status, kGood);
    EXPECT_EQ(inquiry.written, sizeof(ScsiCommandAnswer) + 96 + 36);
    EXPECT_EQ(inquiry.residual, 0u);
    const Answer read = d.command(unit, {0x28, 0, 0, 0, 0, 5, 0, 0, 2, 0}, {}, 1024);
    EXPECT_EQ(read.status, kGood);
    EXPECT_TRUE(std::equal(read.data.begin(), read.data.end(), w.disk->data.begin() + 5 * 512));
    const std::vector<uint8_t> bytes(512, 0x5c);
    EXPECT_EQ(d.command(unit, {0x2a, 0, 0, 0, 0, 9, 0, 0, 1, 0}, bytes).status, kGood);
    EXPECT_EQ(w.disk->data[9 * 512 + 100], 0x5c);
}

TEST(VirtioScsi, addressesThatNobodyHas) {
    ScsiWorld w;
    ASSERT_EQ(w.add_disk(), "");
    ScsiDriver d(w);
    EXPECT_EQ(d.command(ScsiDriver::lun(4, 0), {0}).response, 3);
    EXPECT_EQ(d.command({2, 3, 0x40, 2}, {0}).response, 3);
    EXPECT_EQ(d.command({1, 3, 0x80, 2}, {0}).response, 3);
    const Answer other = d.command(ScsiDriver::lun(3, 1), {0});
    EXPECT_EQ(other.response, 0);
    EXPECT_EQ(other.status, kCheck) << "the target answers for a unit it does not have";
}

TEST(VirtioScsi, tooMuchForTheBufferIsAnOverrun) {
    ScsiWorld w;
    ASSERT_EQ(w.add_disk(), "");
    ScsiDriver d(w);
    d.clear_attention(ScsiDriver::lun(3, 2));
    EXPECT_EQ(d.command(ScsiDriver::lun(3, 2), {0x28, 0, 0, 0, 0, 5, 0, 0, 2, 0}, {}, 512).response, 1);
    const Answer less = d.command(ScsiDriver::lun(3, 2), {0x28, 0, 0, 0, 0, 5, 0, 0, 1, 0}, {}, 2048);
    EXPECT_EQ(less.response, 0);
    EXPECT_EQ(less.residual, 1536u);
}

TEST(VirtioScsi, shortBuffersBreakTheDevice) {
    ScsiWorld w;
    ScsiDriver d(w);
    const std::vector<uint8_t> raw(40);
    EXPECT_FALSE(d.run(2, {d.with(raw), d.room(200)}));
    EXPECT_NE(d.get(common::kStatus, 1) & kNeedsReset, 0u);
    d.start(0, 3);
    EXPECT_FALSE(d.run(0, {d.with(std::span(raw).first(3)), d.room(1)}));
    EXPECT_NE(d.get(common::kStatus, 1) & kNeedsReset, 0u);
}

TEST(VirtioScsi, bothDirectionsAtOnceFail) {
    ScsiWorld w;
    ASSERT_EQ(w.add_disk(), "");
    ScsiDriver d(w);
    const std::vector<uint8_t> bytes(16);
    EXPECT_EQ(d.command(ScsiDriver::lun(3, 2), {0}, bytes, 16).response, 9);
}

TEST(VirtioScsi, tasksFindAndAbortCommands) {
    ScsiWorld w;
    ASSERT_EQ(w.add_disk(), "");
    ScsiDriver d(w);
    const ScsiLun unit = ScsiDriver::lun(3, 2);
    d.clear_attention(unit);
    EXPECT_EQ(d.task(6, unit, 77), 0) << "no such task";
    w.disk->hold = true;
    const auto pending = d.make(unit, 77, {0x28, 0, 0, 0, 0, 5, 0, 0, 1, 0}, {}, 512);
    EXPECT_FALSE(d.run(2, pending));
    EXPECT_EQ(d.task(6, unit, 77), 10);
    EXPECT_EQ(d.task(6, unit, 78), 0);
    EXPECT_EQ(d.task(7, unit), 10);
    EXPECT_EQ(d.task(0, unit, 77), 0xee) << "the command must end first";
    w.disk->release();
    d.settle();
    EXPECT_TRUE(d.ring(0).take_used());
    const Answer aborted = d.read(pending, d.ring(2).take_used(), false);
    EXPECT_EQ(aborted.response, 2);
    EXPECT_EQ(d.command(unit, {0}).status, kGood);
}

TEST(VirtioScsi, tasksThatCannotBe) {
    ScsiWorld w;
    ASSERT_EQ(w.add_disk(), "");
    ScsiDriver d(w);
    EXPECT_EQ(d.task(2, ScsiDriver::lun(3, 2)), 11);
    EXPECT_EQ(d.task(99, ScsiDriver::lun(3, 2)), 11);
    EXPECT_EQ(d.task(1, ScsiDriver::lun(4, 0)), 3);
    EXPECT_EQ(d.task(1, ScsiDriver::lun(3, 0)), 12);
}

TEST(VirtioScsi, aUnitResetIsTold) {
    ScsiWorld w;
    ASSERT_EQ(w.add_disk(), "");
    ScsiDriver d(w);
    const ScsiLun unit = ScsiDriver::lun(3, 2);
    d.clear_attention(unit);
    EXPECT_EQ(d.task(5, unit), 0);
    EXPECT_EQ(d.command(unit, {0}).status, kCheck);
    EXPECT_EQ(d.command(unit, {0}).status, kGood);
    EXPECT_EQ(d.task(4, ScsiDriver::lun(3, 0)), 0);
    EXPECT_EQ(d.command(unit, {0}).status, kCheck);
}

TEST(VirtioScsi, unitsThatComeAndGoAreTold) {
    ScsiWorld w;
    ScsiDriver d(w, kHotplug | kChange);
    std::vector<DriverBuffer> buffers;
    for (unsigned i = 0; i < 3; ++i) {
        buffers.push_back(d.room(16));
        ASSERT_TRUE(d.ring(1).add({&buffers.back(), 1}, false));
    }
    d.notify(1);
    ASSERT_EQ(w.add_disk(), "");
    ASSERT_TRUE(d.ring(1).take_used());
    EXPECT_EQ(load_le<uint32_t>(d.bytes(buffers[0]).data()), 1u);
    EXPECT_EQ(d.bytes(buffers[0])[5], 3);
    EXPECT_EQ(load_le<uint32_t>(d.bytes(buffers[0]).data() + 12), 1u);
    ASSERT_TRUE(static_cast<TestDisk*>(w.machine.tree.find("d")->device.get())->ref->resize(2 * kMiB));
    w.machine.settle();
    ASSERT_TRUE(d.ring(1).take_used());
    EXPECT_EQ(load_le<uint32_t>(d.bytes(buffers[1]).data()), 3u);
    EXPECT_EQ(load_le<uint32_t>(d.bytes(buffers[1]).data() + 12), 0x092au);
    ASSERT_TRUE(w.machine.tree.request_removal("d"));
    w.machine.settle();
    ASSERT_TRUE(d.ring(1).take_used());
    EXPECT_EQ(load_le<uint32_t>(d.bytes(buffers[2]).data() + 12), 2u);
    // Without a buffer it is told later that something was missed.
    ASSERT_EQ(w.add_disk(), "");
    const DriverBuffer late = d.room(16);
    ASSERT_TRUE(d.ring(1).add({&late, 1}, false));
    d.notify(1);
    ASSERT_TRUE(d.ring(1).take_used());
    EXPECT_EQ(load_le<uint32_t>(d.bytes(late).data()), 0x80000000u);
}

TEST(VirtioScsi, aResetEndsWhatIsUnderWay) {
    ScsiWorld w;
    ASSERT_EQ(w.add_disk(), "");
    ScsiDriver d(w);
    const ScsiLun unit = ScsiDriver::lun(3, 2);
    d.clear_attention(unit);
    w.disk->hold = true;
    EXPECT_FALSE(d.command(unit, {0x28, 0, 0, 0, 0, 5, 0, 0, 1, 0}, {}, 512).used);
    d.put(common::kStatus, 0, 1);
    w.disk->release();
    d.settle();
    EXPECT_EQ(d.get(common::kStatus, 1), 0u);
    d.start(0, 3);
    EXPECT_EQ(d.command(unit, {0}).status, kCheck);
    EXPECT_EQ(d.command(unit, {0x28, 0, 0, 0, 0, 5, 0, 0, 1, 0}, {}, 512).status, kGood);
}

TEST(VirtioScsi, theDriverMayWantOtherSizes) {
    ScsiWorld w;
    ScsiDriver d(w);
    d.put(kDeviceAt + 20, 40, 4);
    EXPECT_EQ(d.config(20, 4), 40u);
    d.put(kDeviceAt + 24, 256, 4);
    EXPECT_NE(d.get(common::kStatus, 1) & kNeedsReset, 0u);
    d.put(common::kStatus, 0, 1);
    EXPECT_EQ(d.config(20, 4), 96u);
}

}  // namespace
}  // namespace vmm::virtio
