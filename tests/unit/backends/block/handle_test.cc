// A drive: ranges, write-cache modes, error policies, parking and resuming, throttling, moves between loops.
#include "backends/block/handle.h"

#include <atomic>
#include <thread>

#include "backends/block/throttle.h"
#include "tests/unit/backends/block/block_fixture.h"

namespace vmm::block {
namespace {

struct TestClient final : DiskClient {
    void resized() override { ++resizes; }
    unsigned resizes = 0;
};

class HandleTest : public BlockTest {
  protected:
    HandleTest() {
        node_ = static_cast<FakeNode*>(
            &graph_.add(std::make_unique<FakeNode>(*context_, 65536, FakeNode::fake_options("n")), true));
    }
    DiskRef attach(const DiskAttachment& attachment = {}) {
        auto disk = graph_.attach("n", client_, attachment);
        EXPECT_TRUE(disk);
        return std::move(disk).take_value();
    }

    TestEvents events_;
    TestClient client_;
    BlockGraph graph_{*context_, events_};
    FakeNode* node_;
    std::vector<uint8_t> bytes_ = std::vector<uint8_t>(4096, 0x77);
};

TEST_F(HandleTest, requestsOutsideOfTheMediumDoNotReachIt) {
    DiskRef disk = attach();
    EXPECT_EQ(disk->size(), 65536u);
    TestRequest inside(Op::Write, 61440, bytes_), across(Op::Write, 61441, bytes_),
        far(Op::Read, UINT64_MAX, bytes_);
    EXPECT_EQ(run(*disk, inside), 0);
    EXPECT_EQ(run(*disk, across), -EIO);
    EXPECT_EQ(run(*disk, far), -EIO);
    EXPECT_EQ(node_->seen.size(), 1u);
    DiskStats stats = disk->stats();
    EXPECT_EQ(stats.write.operations, 1u);
    EXPECT_EQ(stats.write.bytes, 4096u);
    EXPECT_EQ(stats.write.failed, 1u);
    EXPECT_EQ(stats.read.failed, 1u);
    EXPECT_EQ(stats.highest_offset, 65536u);
}

TEST_F(HandleTest, aDrainEndsWhenWhatEndedHasItsTime) {
    DiskRef disk = attach();
    (void)context_->poll(false);
    node_->hold = true;
    TestRequest first(Op::Read, 0, bytes_), second(Op::Read, 0, bytes_);
    const int64_t start = monotonic_ns();
    disk->submit(first);
    const int64_t submitted = monotonic_ns();
    disk->submit(second);
    while (monotonic_ns() < submitted + 1'000'000) {
    }
    node_->release();
    ASSERT_TRUE(context_->reap());
    EXPECT_EQ(first.ended + second.ended, 2u);
    EXPECT_EQ(disk->stats().read.operations, 2u);
    EXPECT_EQ(disk->stats().read.total_ns, 0u);
    disk->drain();
    const DiskStats stats = disk->stats();
    EXPECT_GE(stats.read.total_ns, 2'000'000u);
    EXPECT_LE(stats.read.total_ns, 2 * static_cast<uint64_t>(monotonic_ns() - start));
    EXPECT_GE(stats.idle_since_ns, submitted + 1'000'000);
    context_->take_times();
    EXPECT_EQ(disk->stats().read.total_ns, stats.read.total_ns);
}

TEST_F(HandleTest, anEmptyDriveHasNoMedium) {
    DiskAttachment cd;
    cd.removable = true;
    auto disk = graph_.attach("", client_, cd);
    ASSERT_TRUE(disk);
    TestRequest read(Op::Read, 0, bytes_);
    EXPECT_EQ(run(**disk, read), -ENOMEDIUM);
    EXPECT_TRUE(events_.errors.empty());
    ASSERT_TRUE((*disk)->put_in(*node_));
    TestRequest again(Op::Read, 0, bytes_);
    EXPECT_EQ(run(**disk, again), 0);
    (*disk)->take_out();
    EXPECT_EQ((*disk)->size(), 0u);
    EXPECT_TRUE(node_->uses().empty());
    DiskAttachment fixed;
    EXPECT_EQ(graph_.attach("", client_, fixed).error().text(), "drive property not set");
}

TEST_F(HandleTest, aWriteIsDurableWithoutAWriteCache) {
    DiskRef disk = attach();
    TestRequest cached(Op::Write, 0, bytes_), through(Op::Write, 0, bytes_), read(Op::Read, 0, bytes_);
    EXPECT_EQ(run(*disk, cached), 0);
    disk->set_write_cache(false);
    EXPECT_EQ(run(*disk, through), 0);
    EXPECT_EQ(run(*disk, read), 0);
    EXPECT_EQ(node_->seen[0].flags, 0);
    EXPECT_EQ(node_->seen[1].flags, kFua);
    EXPECT_EQ(node_->seen[2].flags, 0);
}

TEST_F(HandleTest, stopParksUntilResume) {
    DiskAttachment attachment;
    attachment.werror = OnError::Stop;
    attachment.qom_path = "/machine/peripheral/d";
    DiskRef disk = attach(attachment);
    node_->fails = [](const Request&) { return EIO; };
    TestRequest write(Op::Write, 512, bytes_);
    disk->submit(write);
    ASSERT_TRUE(run_until([&] { return disk->has_parked(); }));
    EXPECT_EQ(write.ended, 0u);
    ASSERT_EQ(events_.errors.size(), 1u);
    EXPECT_EQ(events_.errors[0].action, OnError::Stop);
    EXPECT_EQ(events_.errors[0].node_name, "n");
    EXPECT_EQ(events_.errors[0].qom_path, "/machine/peripheral/d");
    EXPECT_FALSE(events_.errors[0].is_read);
    EXPECT_STREQ(disk->io_status(), "failed");
    disk->drain();
    EXPECT_TRUE(disk->has_parked());
    node_->fails = {};
    graph_.resume_all();
    ASSERT_TRUE(run_until([&] { return write.ended == 1; }));
    EXPECT_EQ(write.result, 0);
    EXPECT_EQ(node_->data[512], 0x77);
    EXPECT_STREQ(disk->io_status(), "ok");
}

TEST_F(HandleTest, policiesPerDirectionAndError) {
    DiskAttachment attachment;
    attachment.rerror = OnError::Ignore;
    DiskRef disk = attach(attachment);
    node_->fails = [](const Request&) { return EIO; };
    TestRequest read(Op::Read, 0, bytes_), write(Op::Write, 0, bytes_);
    EXPECT_EQ(run(*disk, read), 0) << "ignored";
    EXPECT_EQ(run(*disk, write), -EIO) << "enospc stops for no other error";
    node_->fails = [](const Request&) { return ENOSPC; };
    TestRequest full(Op::Write, 0, bytes_);
    disk->submit(full);
    ASSERT_TRUE(run_until([&] { return disk->has_parked(); }));
    EXPECT_STREQ(disk->io_status(), "nospace");
    EXPECT_TRUE(events_.errors.back().no_space);
    disk->cancel_parked();
    ASSERT_TRUE(run_until([&] { return full.ended == 1; }));
    EXPECT_EQ(full.result, -ECANCELED);
}

TEST_F(HandleTest, drainLetsThrottledRequestsGo) {
    ThrottleConfig config;
    config.limits[static_cast<size_t>(ThrottleKind::OpsTotal)].average = 1;
    ThrottleGroup group("g", config);
    DiskRef disk = attach();
    disk->set_throttle(&group);
    // Each where it is made: its vector points into it.
    TestRequest requests[] = {
        {Op::Read, 0, uint64_t{512}}, {Op::Read, 0, uint64_t{512}}, {Op::Read, 0, uint64_t{512}}};
    for (TestRequest& request : requests)
        disk->submit(request);
    int64_t end = monotonic_ns() + 20'000'000;
    ASSERT_TRUE(run_until([&] { return monotonic_ns() > end; }));
    EXPECT_EQ(requests[0].ended + requests[1].ended + requests[2].ended, 1u) << "one operation a second";
    disk->drain();
    for (TestRequest& request : requests)
        EXPECT_EQ(request.ended, 1u);
    disk->set_throttle(nullptr);
}

TEST_F(HandleTest, resizeTellsTheDevice) {
    DiskRef disk = attach();
    ASSERT_TRUE(disk->resize(131072));
    EXPECT_EQ(client_.resizes, 1u);
    TestRequest write(Op::Write, 100000, bytes_);
    EXPECT_EQ(run(*disk, write), 0);
}

TEST_F(HandleTest, aNodeHasOneWriterUnlessShared) {
    DiskRef disk = attach();
    TestClient other;
    EXPECT_FALSE(graph_.attach("n", other, {}));
    disk.reset();
    DiskAttachment shared;
    shared.share_rw = true;
    DiskRef one = attach(shared);
    auto two = graph_.attach("n", other, shared);
    EXPECT_TRUE(two);
    EXPECT_EQ(graph_.drives().size(), 2u);
    EXPECT_EQ(graph_.attach("nowhere", other, {}).error().text(), "can't find block node or drive 'nowhere'");
}

TEST_F(HandleTest, aDriveOutlivesItsDevice) {
    auto drive = graph_.add_drive("drive0", node_);
    ASSERT_TRUE(drive);
    EXPECT_EQ(graph_.add_drive("drive0", nullptr).error().text(), "Device with id 'drive0' already exists");
    {
        auto disk = graph_.attach("drive0", client_, {});
        ASSERT_TRUE(disk);
        EXPECT_FALSE(graph_.remove_drive("drive0"));
        TestClient second;
        EXPECT_FALSE(graph_.attach("drive0", second, {}));
    }
    EXPECT_NE(graph_.find_drive("drive0"), nullptr);
    EXPECT_TRUE(graph_.remove_drive("drive0"));
    EXPECT_TRUE(graph_.drives().empty());
}

TEST_F(HandleTest, anotherLoopsThreadDoesTheWork) {
    EventLoop io_loop;
    auto made = IoContext::create(io_loop);
    ASSERT_TRUE(made);
    IoContext& io = **made;
    std::atomic<bool> running{false};
    std::thread runner([&] {
        (void)io_loop.iterate(false);
        running = true;
        io_loop.run();
    });
    while (!running)
        std::this_thread::yield();
    DiskAttachment attachment;
    attachment.context = &io;
    {
        DiskRef disk = attach(attachment);
        EXPECT_EQ(&node_->context(), &io);
        std::atomic<unsigned> ended{0};
        struct Mine : TestRequest {
            Mine(std::span<uint8_t> memory, std::atomic<unsigned>& count)
                : TestRequest(Op::Write, 0, memory), counter(count) {
                complete = [](DiskRequest& one) { ++static_cast<Mine&>(one).counter; };
            }
            std::atomic<unsigned>& counter;
        };
        std::vector<std::unique_ptr<Mine>> requests;
        for (int i = 0; i < 1000; ++i) {
            requests.push_back(std::make_unique<Mine>(bytes_, ended));
            disk->submit(*requests.back());
            if (i % 100 == 0) disk->drain();
        }
        disk->drain();
        // What came while draining is taken in afterwards.
        disk->drain();
        while (ended < 1000)
            std::this_thread::yield();
    }
    EXPECT_EQ(&node_->context(), context_.get());
    io_loop.post([&] { io_loop.quit(); });
    runner.join();
}

}  // namespace
}  // namespace vmm::block
