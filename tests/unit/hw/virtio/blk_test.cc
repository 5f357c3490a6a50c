// The block device through its queue: each request type, what it refuses, completion out of order, the cache
// mode, resize, reset with requests under way, and guest memory that may turn private.
#include "hw/virtio/blk.h"

#include <gtest/gtest.h>

#include "tests/unit/hw/virtio/disk_world.h"

namespace vmm::virtio {
namespace {

constexpr uint64_t kFlush = bit(9), kConfigWce = bit(11), kDiscard = bit(13), kWriteZeroes = bit(14);
constexpr uint32_t kIn = 0, kOut = 1, kFlushRequest = 4, kGetId = 8, kDiscardRequest = 11, kZeroRequest = 13;
constexpr uint8_t kOk = 0, kIoError = 1, kUnsupported = 2, kUntouched = 0xee;
constexpr uint64_t kDiskSize = DiskWorld::kDiskSize;

struct BlkWorld : DiskWorld {
    ~BlkWorld() { end("disk"); }
    std::string add(std::initializer_list<std::pair<const char*, const char*>> more = {}) {
        qapi::Dict all;
        all.set("driver", qapi::Value(std::string("virtio-blk-pci")));
        all.set("id", qapi::Value(std::string("disk")));
        all.set("drive", qapi::Value(std::string("fake")));
        for (const auto& [name, value] : more)
            all.set(name, qapi::Value(std::string(value)));
        return machine.add(all);
    }
};

struct Reply {
    uint8_t status;
    uint32_t written;
    std::vector<uint8_t> data;
};

struct BlkDriver : PciDriver {
    explicit BlkDriver(BlkWorld& world) : PciDriver(world.machine, "disk") {}
    DriverBuffer header(uint32_t type, uint64_t sector) {
        const BlkHeader h{type, 0, sector};
        return with(bytes_of(h));
    }
    DriverBuffer status_byte() {
        const DriverBuffer b = room(1);
        bytes(b)[0] = kUntouched;
        return b;
    }
    Reply request(uint32_t type, uint64_t sector, std::span<const uint8_t> out, uint32_t in,
                  uint16_t queue = 0) {
        std::vector<DriverBuffer> buffers = {header(type, sector)};
        if (!out.empty()) buffers.push_back(with(out));
        if (in != 0) buffers.push_back(room(in));
        buffers.push_back(status_byte());
        const std::optional<UsedBuffer> used = run(queue, buffers);
        if (!used) return {kUntouched, 0, {}};
        Reply reply{bytes(buffers.back())[0], used->written, {}};
        if (in != 0) {
            const auto data = bytes(buffers[buffers.size() - 2]);
            reply.data.assign(data.begin(), data.end());
        }
        return reply;
    }
    Reply range(uint32_t type, uint64_t sector, uint32_t sectors, uint32_t flags) {
        const BlkRange r{sector, sectors, flags};
        return request(type, 0, bytes_of(r), 0);
    }
};

std::vector<uint8_t> pattern(size_t size, uint8_t seed) {
    std::vector<uint8_t> bytes(size);
    for (size_t i = 0; i < size; ++i)
        bytes[i] = static_cast<uint8_t>(seed + i * 7);
    return bytes;
}

TEST(Blk, showsItsGeometryAndLimits) {
    BlkWorld w;
    ASSERT_EQ(w.add({{"logical_block_size", "512"}, {"physical_block_size", "4096"}, {"queue-size", "128"}}),
              "");
    BlkDriver d(w);
    EXPECT_EQ(d.function().config_read(0, 4), 0x10011af4u);
    EXPECT_EQ(d.function().config_read(pci::kRevision, 4) >> 8, 0x010000u);
    EXPECT_EQ(d.config(0, 4) | d.config(4, 4) << 32, kDiskSize / 512);
    EXPECT_EQ(d.config(12, 4), 126u);
    EXPECT_EQ(d.config(20, 4), 512u);
    EXPECT_EQ(d.config(24, 1), 3u);
    EXPECT_EQ(d.config(32, 1), 1u);
    EXPECT_EQ(d.config(34, 2), 1u);
    EXPECT_EQ(d.config(36, 4), 4194303u);
    EXPECT_EQ(d.config(40, 4), 1u);
    EXPECT_EQ(d.config(56, 1), 1u);
    EXPECT_EQ(d.features(), kVersion1 | kIndirect | kEventIdx | kRingReset | 0x6e54u);
}

TEST(Blk, refusesWhatCannotBe) {
    BlkWorld w;
    EXPECT_NE(w.add({{"queue-size", "100"}}).find("power of 2"), std::string::npos);
    EXPECT_NE(w.add({{"num-queues", "0"}}).find("between 1 and"), std::string::npos);
    EXPECT_NE(w.add({{"scsi", "on"}}).find("scsi=on"), std::string::npos);
    EXPECT_NE(w.add({{"drive", "nothing"}}).find("nothing"), std::string::npos);
    EXPECT_NE(w.add({{"drive", ""}}).find("drive property not set"), std::string::npos);
    EXPECT_NE(w.add({{"iothread", "io0"}}).find("io0"), std::string::npos);
    EXPECT_NE(w.add({{"logical_block_size", "4096"}, {"physical_block_size", "512"}}), "");
    EXPECT_EQ(w.add(), "");
}

TEST(Blk, readsAndWrites) {
    BlkWorld w;
    ASSERT_EQ(w.add(), "");
    BlkDriver d(w);
    d.start();
    const Reply read = d.request(kIn, 3, {}, 1024);
    EXPECT_EQ(read.status, kOk);
    EXPECT_EQ(read.written, 1025u);
    EXPECT_TRUE(std::equal(read.data.begin(), read.data.end(), w.disk->data.begin() + 3 * 512));
    const std::vector<uint8_t> bytes = pattern(2048, 9);
    const Reply write = d.request(kOut, 7, bytes, 0);
    EXPECT_EQ(write.status, kOk);
    EXPECT_EQ(write.written, 1u);
    EXPECT_TRUE(std::equal(bytes.begin(), bytes.end(), w.disk->data.begin() + 7 * 512));
}

TEST(Blk, takesBuffersInAnyShape) {
    BlkWorld w;
    ASSERT_EQ(w.add(), "");
    BlkDriver d(w);
    d.start(kIndirect);
    // The header in three pieces, the last with data behind it; the status in the last byte of the data.
    const std::vector<uint8_t> bytes = pattern(1024, 1);
    const BlkHeader h{kOut, 0, 5};
    std::vector<uint8_t> stream(bytes_of(h).begin(), bytes_of(h).end());
    stream.insert(stream.end(), bytes.begin(), bytes.end());
    const auto part = [&](size_t from, size_t size) { return d.with(std::span(stream).subspan(from, size)); };
    std::vector<DriverBuffer> out = {part(0, 3), part(3, 9), part(12, 700), part(712, 328), d.status_byte()};
    ASSERT_TRUE(d.run(0, out));
    EXPECT_EQ(d.bytes(out.back())[0], kOk);
    EXPECT_TRUE(std::equal(bytes.begin(), bytes.end(), w.disk->data.begin() + 5 * 512));
    std::vector<DriverBuffer> in = {d.header(kIn, 5), d.room(100), d.room(413)};
    const std::optional<UsedBuffer> used = d.run(0, in);
    ASSERT_TRUE(used);
    EXPECT_EQ(used->written, 513u);
    EXPECT_EQ(d.bytes(in[2])[412], kOk);
    EXPECT_TRUE(std::equal(bytes.begin(), bytes.begin() + 100, d.bytes(in[1]).begin()));
    EXPECT_TRUE(std::equal(bytes.begin() + 100, bytes.begin() + 512, d.bytes(in[2]).begin()));
}

TEST(Blk, answersBadRequests) {
    BlkWorld w;
    ASSERT_EQ(w.add({{"logical_block_size", "1024"}, {"physical_block_size", "1024"}}), "");
    BlkDriver d(w);
    d.start(kDiscard | kWriteZeroes);
    constexpr uint64_t kEnd = kDiskSize / 512;
    const std::vector<uint8_t> bytes = pattern(1024, 0);
    EXPECT_EQ(d.request(kIn, kEnd, {}, 1024).status, kIoError);
    EXPECT_EQ(d.request(kIn, kEnd - 2, {}, 2048).status, kIoError);
    EXPECT_EQ(d.request(kIn, ~uint64_t{0} >> 8, {}, 1024).status, kIoError);
    EXPECT_EQ(d.request(kIn, 1, {}, 1024).status, kIoError) << "not at a block";
    EXPECT_EQ(d.request(kIn, 0, {}, 512).status, kIoError) << "half a block";
    EXPECT_EQ(d.request(kOut, kEnd, bytes, 0).status, kIoError);
    EXPECT_EQ(d.request(99, 0, {}, 0).status, kUnsupported);
    EXPECT_EQ(d.request(2, 0, {}, 0).status, kUnsupported);
    EXPECT_EQ(d.range(kDiscardRequest, 0, 2, 1).status, kUnsupported) << "unmap is no flag of discard";
    EXPECT_EQ(d.range(kZeroRequest, 0, 2, 2).status, kUnsupported);
    EXPECT_EQ(d.range(kZeroRequest, kEnd - 2, 4, 0).status, kIoError);
    EXPECT_EQ(d.range(kDiscardRequest, 1, 2, 0).status, kIoError);
    EXPECT_EQ(d.range(kDiscardRequest, 0, 0xffffffff, 0).status, kIoError);
    EXPECT_EQ(d.request(kDiscardRequest, 0, std::span(bytes).first(32), 0).status, kUnsupported)
        << "two ranges";
    EXPECT_TRUE(w.disk->seen.empty());
    EXPECT_EQ(d.request(kIn, kEnd - 2, {}, 1024).status, kOk);
}

TEST(Blk, shapelessRequestsBreakTheDevice) {
    const std::vector<uint8_t> bytes = pattern(16, 0);
    for (unsigned shape = 0; shape < 4; ++shape) {
        BlkWorld w;
        ASSERT_EQ(w.add(), "");
        BlkDriver d(w);
        d.start();
        std::vector<DriverBuffer> buffers;
        if (shape == 0) buffers = {d.with(std::span(bytes).first(15)), d.status_byte()};
        if (shape == 1) buffers = {d.status_byte()};
        if (shape == 2) buffers = {d.header(kIn, 0)};
        if (shape == 3) buffers = {{0x1000000000, 16, false}, d.status_byte()};
        EXPECT_FALSE(d.run(0, buffers)) << shape;
        EXPECT_NE(d.get(common::kStatus, 1) & kNeedsReset, 0u) << shape;
        d.start();
        EXPECT_EQ(d.request(kIn, 0, {}, 512).status, kOk) << shape;
    }
}

TEST(Blk, dataOutsideMemoryIsAnError) {
    BlkWorld w;
    ASSERT_EQ(w.add(), "");
    BlkDriver d(w);
    d.start();
    const std::vector<DriverBuffer> buffers = {d.header(kIn, 0), {0x1000000000, 512, true}, d.status_byte()};
    ASSERT_TRUE(d.run(0, buffers));
    EXPECT_EQ(d.bytes(buffers[2])[0], kIoError);
}

TEST(Blk, givesItsName) {
    BlkWorld w;
    ASSERT_EQ(w.add({{"serial", "0123456789abcdefghijKLM"}}), "");
    BlkDriver d(w);
    d.start();
    const Reply reply = d.request(kGetId, 0, {}, 20);
    EXPECT_EQ(reply.status, kOk);
    EXPECT_EQ(reply.written, 21u);
    EXPECT_EQ(std::string(reply.data.begin(), reply.data.end()), "0123456789abcdefghij");
}

TEST(Blk, flushesDiscardsAndWritesZeroes) {
    BlkWorld w;
    ASSERT_EQ(w.add(), "");
    BlkDriver d(w);
    d.start(kFlush | kDiscard | kWriteZeroes);
    EXPECT_EQ(d.request(kFlushRequest, 0, {}, 0).status, kOk);
    EXPECT_EQ(w.disk->count(block::Op::Flush), 1);
    EXPECT_EQ(d.range(kZeroRequest, 4, 2, 1).status, kOk);
    ASSERT_EQ(w.disk->seen.back().op, block::Op::WriteZeroes);
    EXPECT_NE(w.disk->seen.back().flags & block::kMayUnmap, 0);
    EXPECT_EQ(w.disk->data[4 * 512 + 17], 0);
    EXPECT_EQ(d.range(kDiscardRequest, 8, 8, 0).status, kOk);
    EXPECT_EQ(w.disk->seen.back().op, block::Op::Discard);
    EXPECT_EQ(w.disk->seen.back().offset, 8u * 512);
    EXPECT_EQ(w.disk->seen.back().bytes, 8u * 512);
}

TEST(Blk, discardsMustBeAgreedUpon) {
    BlkWorld w;
    ASSERT_EQ(w.add(), "");
    BlkDriver d(w);
    d.start();
    EXPECT_EQ(d.range(kDiscardRequest, 8, 8, 0).status, kUnsupported);
    EXPECT_EQ(d.range(kZeroRequest, 8, 8, 0).status, kUnsupported);
}

TEST(Blk, theCacheModeFollowsTheDriver) {
    BlkWorld w;
    ASSERT_EQ(w.add(), "");
    BlkDriver d(w);
    block::BlockHandle& drive = static_cast<Blk&>(d.device()).drive();
    d.start();
    EXPECT_FALSE(drive.write_cache()) << "a driver that never flushes";
    d.start(kFlush);
    EXPECT_TRUE(drive.write_cache());
    d.start(kFlush | kConfigWce);
    d.put(kDeviceAt + 32, 0, 1);
    EXPECT_EQ(d.config(32, 1), 0u);
    EXPECT_FALSE(drive.write_cache());
    d.put(common::kStatus, 0, 1);
    EXPECT_TRUE(drive.write_cache());
    EXPECT_EQ(d.config(32, 1), 1u);
}

TEST(Blk, requestsEndInTheirOwnOrder) {
    BlkWorld w;
    ASSERT_EQ(w.add({{"request-merging", "off"}}), "");
    BlkDriver d(w);
    d.start();
    w.disk->hold = true;
    std::vector<std::vector<DriverBuffer>> all;
    for (unsigned i = 0; i < 40; ++i) {
        all.push_back({d.header(kIn, i), d.room(512), d.status_byte()});
        ASSERT_TRUE(d.ring(0).add(all.back(), false));
    }
    d.notify(0);
    ASSERT_EQ(w.disk->held.size(), 40u);
    std::reverse(w.disk->held.begin(), w.disk->held.end());
    w.disk->release();
    d.settle();
    for (unsigned i = 0; i < 40; ++i) {
        const std::optional<UsedBuffer> used = d.ring(0).take_used();
        ASSERT_TRUE(used);
        EXPECT_EQ(used->token, 39 - i);
        const auto data = d.bytes(all[used->token][1]);
        EXPECT_TRUE(std::equal(data.begin(), data.end(), w.disk->data.begin() + (39 - i) * 512));
    }
    EXPECT_EQ(w.machine.pins.log, "00.0:A+ ");
}

// The driver puts all of them into the ring before it notifies.
std::vector<std::vector<DriverBuffer>> submit(BlkDriver& d, uint32_t type,
                                              std::initializer_list<uint64_t> sectors) {
    std::vector<std::vector<DriverBuffer>> all;
    for (const uint64_t sector : sectors) {
        std::vector<DriverBuffer> one = {d.header(type, sector)};
        if (type == kIn) one.push_back(d.room(512));
        if (type == kOut) one.push_back(d.with(pattern(512, static_cast<uint8_t>(sector))));
        one.push_back(d.status_byte());
        CHECK(d.ring(0).add(one, false).has_value(), "the ring is full");
        all.push_back(one);
    }
    d.notify(0);
    d.settle();
    return all;
}

TEST(Blk, requestsBehindEachOtherAreJoined) {
    struct Row {
        uint32_t type;
        std::initializer_list<uint64_t> sectors;
        std::vector<uint64_t> operations;  // bytes of each
    };
    const Row rows[] = {
        {kIn, {0, 1, 2, 3}, {2048}},
        {kOut, {0, 1, 2, 3}, {2048}},
        {kIn, {3, 2, 1, 0}, {512, 512, 512, 512}},
        {kIn, {0, 1, 3, 4, 4}, {1024, 1024, 512}},
        {kOut, {7}, {512}},
        {kIn, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, {8 * 512, 2 * 512}},  // what is shown together at the most
    };
    for (const Row& row : rows) {
        BlkWorld w;
        ASSERT_EQ(w.add(), "");
        BlkDriver d(w);
        d.start();
        const auto all = submit(d, row.type, row.sectors);
        std::vector<uint64_t> operations;
        for (const auto& seen : w.disk->seen)
            operations.push_back(seen.bytes);
        EXPECT_EQ(operations, row.operations);
        size_t which = 0;
        for (const uint64_t sector : row.sectors) {
            EXPECT_EQ(d.bytes(all[which].back())[0], kOk);
            const auto data = d.bytes(all[which++][1]);
            EXPECT_TRUE(std::equal(data.begin(), data.end(),
                                   w.disk->data.begin() + static_cast<std::ptrdiff_t>(sector * 512)));
        }
        const block::DiskStats stats = static_cast<Blk&>(d.device()).drive().stats();
        const block::OpStats& mine = row.type == kIn ? stats.read : stats.write;
        EXPECT_EQ(mine.operations, row.sectors.size());
        EXPECT_EQ(mine.merged, row.sectors.size() - row.operations.size());
        EXPECT_EQ(mine.bytes, row.sectors.size() * 512);
    }
}

TEST(Blk, whatComesTogetherTakesFewLocks) {
    BlkWorld w;
    ASSERT_EQ(w.add(), "");
    BlkDriver d(w);
    d.start();
    const auto locks = [&](std::initializer_list<uint64_t> sectors) {
        const uint64_t before = HeldLocks::mine().taken();
        (void)submit(d, kIn, sectors);
        return HeldLocks::mine().taken() - before;
    };
    (void)locks({0, 1, 2, 3, 4, 5, 6, 7});
    // Taken in one to three goes, given back in one.
    const uint64_t one = locks({0});
    EXPECT_LE(locks({0, 1, 2, 3, 4, 5, 6, 7}), one + 3);
    EXPECT_LE(locks({0, 1, 2, 3, 4, 5, 6, 7}), one + 3);
}

TEST(Blk, whatIsJoinedFailsForAll) {
    BlkWorld w;
    ASSERT_EQ(w.add(), "");
    BlkDriver d(w);
    d.start();
    w.disk->fails = [](const block::Request& request) { return request.offset < 1024 ? EIO : 0; };
    const auto all = submit(d, kIn, {0, 1, 2, 10, 11});
    for (size_t i = 0; i < all.size(); ++i)
        EXPECT_EQ(d.bytes(all[i].back())[0], i < 3 ? kIoError : kOk) << i;
    EXPECT_EQ(static_cast<Blk&>(d.device()).drive().stats().read.failed, 3u);
    w.disk->fails = nullptr;
    EXPECT_EQ(d.request(kIn, 0, {}, 512).status, kOk);
}

TEST(Blk, joiningCanBeTurnedOff) {
    BlkWorld w;
    ASSERT_EQ(w.add({{"request-merging", "off"}}), "");
    BlkDriver d(w);
    d.start();
    (void)submit(d, kIn, {0, 1, 2});
    EXPECT_EQ(w.disk->seen.size(), 3u);
}

TEST(Blk, eachQueueServes) {
    BlkWorld w;
    ASSERT_EQ(w.add({{"num-queues", "3"}}), "");
    BlkDriver d(w);
    EXPECT_EQ(d.config(34, 2), 3u);
    d.start(bit(12), 3);
    for (uint16_t queue : {uint16_t{2}, uint16_t{0}, uint16_t{1}})
        EXPECT_EQ(d.request(kIn, queue, {}, 512, queue).status, kOk);
}

TEST(Blk, aNewSizeIsTold) {
    BlkWorld w;
    ASSERT_EQ(w.add(), "");
    BlkDriver d(w);
    d.start();
    const uint64_t generation = d.get(common::kGeneration, 1);
    EXPECT_EQ(d.config(0, 4), kDiskSize / 512);
    ASSERT_TRUE(static_cast<Blk&>(d.device()).drive().resize(2 * kDiskSize));
    d.settle();
    EXPECT_EQ(d.config(0, 4), 2 * kDiskSize / 512);
    EXPECT_NE(d.get(common::kGeneration, 1), generation);
    EXPECT_EQ(d.get(kIsrAt, 1), 3u);
    EXPECT_EQ(d.request(kIn, kDiskSize / 512, {}, 512).status, kOk);
}

TEST(Blk, failuresOfTheDriveAreReported) {
    BlkWorld w;
    ASSERT_EQ(w.add({{"werror", "report"}}), "");
    BlkDriver d(w);
    d.start();
    w.disk->fails = [](const block::Request&) { return EIO; };
    EXPECT_EQ(d.request(kIn, 0, {}, 512).status, kIoError);
    EXPECT_EQ(d.request(kOut, 0, pattern(512, 0), 0).status, kIoError);
    w.disk->fails = nullptr;
    EXPECT_EQ(d.request(kOut, 0, pattern(512, 0), 0).status, kOk);
}

TEST(Blk, aReadOnlyDriveIsNotWritten) {
    BlkWorld w;
    w.disk->set_read_only(true);
    ASSERT_EQ(w.add(), "");
    BlkDriver d(w);
    EXPECT_NE(d.features() & bit(5), 0u);
    d.start();
    EXPECT_EQ(d.request(kOut, 0, pattern(512, 0), 0).status, kIoError);
    EXPECT_EQ(d.request(kIn, 0, {}, 512).status, kOk);
}

TEST(Blk, aResetWaitsForWhatIsUnderWay) {
    BlkWorld w;
    ASSERT_EQ(w.add(), "");
    BlkDriver d(w);
    d.start();
    w.disk->hold = true;
    EXPECT_EQ(d.request(kIn, 0, {}, 512).status, kUntouched);
    d.put(common::kStatus, 0, 1);
    EXPECT_NE(d.get(common::kStatus, 1), 0u);
    w.disk->release();
    d.settle();
    EXPECT_EQ(d.get(common::kStatus, 1), 0u);
    EXPECT_FALSE(d.ring(0).take_used()) << "the driver took its memory back";
    d.start();
    EXPECT_EQ(d.request(kIn, 0, {}, 512).status, kOk);
}

TEST(Blk, aQueueResetWaitsToo) {
    BlkWorld w;
    ASSERT_EQ(w.add(), "");
    BlkDriver d(w);
    d.start(kRingReset);
    w.disk->hold = true;
    EXPECT_EQ(d.request(kIn, 0, {}, 512).status, kUntouched);
    d.put(common::kQueueSelect, 0, 2);
    d.put(common::kQueueReset, 1, 2);
    EXPECT_EQ(d.get(common::kQueueReset, 2), 1u);
    w.disk->release();
    d.settle();
    EXPECT_EQ(d.get(common::kQueueReset, 2), 0u);
    d.add_queue(0);
    EXPECT_EQ(d.request(kIn, 0, {}, 512).status, kOk);
}

TEST(Blk, leavesWithRequestsUnderWay) {
    BlkWorld w;
    ASSERT_EQ(w.machine.add({{"driver", qapi::Value(std::string("pcie-root-port"))},
                             {"id", qapi::Value(std::string("rp"))}}),
              "");
    ASSERT_EQ(w.add(), "");
    BlkDriver d(w);
    d.start();
    ASSERT_TRUE(
        d.ring(0).add(std::vector<DriverBuffer>{d.header(kIn, 0), d.room(512), d.status_byte()}, false));
    d.put(kNotifyAt, 0, 2);
    ASSERT_TRUE(w.machine.tree.request_removal("disk"));
    w.machine.settle();
    EXPECT_EQ(w.machine.tree.find("disk"), nullptr);
}

TEST(Blk, servesManyTimesTheRing) {
    BlkWorld w;
    ASSERT_EQ(w.add(), "");
    BlkDriver d(w);
    d.start();
    for (unsigned i = 0; i < 3000; ++i) {
        d.machine().memory.next = 0x100000;
        ASSERT_EQ(d.request(kIn, i % 100, {}, 512).status, kOk);
    }
}

}  // namespace
}  // namespace vmm::virtio
