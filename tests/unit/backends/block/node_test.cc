// What every node does around its driver: options applied, parts of blocks merged, FUA made of flushes,
// permissions.
#include "backends/block/node.h"

#include "backends/block/iov.h"
#include "tests/unit/backends/block/block_fixture.h"

namespace vmm::block {
namespace {

class NodeTest : public BlockTest {
  protected:
    FakeNode& add(uint64_t size, const NodeOptions& options) {
        return static_cast<FakeNode&>(graph_.add(std::make_unique<FakeNode>(*context_, size, options), true));
    }
    FakeNode& add(const char* name) { return add(65536, FakeNode::fake_options(name)); }

    TestEvents events_;
    BlockGraph graph_{*context_, events_};
};

TEST_F(NodeTest, syncHelpersReachTheDriver) {
    FakeNode& node = add("a");
    std::vector<uint8_t> bytes(100, 0x5a), back(100);
    ASSERT_TRUE(write_sync(node, 1000, bytes));
    ASSERT_TRUE(read_sync(node, 1000, back));
    EXPECT_EQ(back, bytes);
    ASSERT_TRUE(flush_sync(node));
    ASSERT_TRUE(write_zeroes_sync(node, 1000, 50));
    ASSERT_TRUE(read_sync(node, 1000, back));
    EXPECT_TRUE(is_zero(std::span(back).first(50)));
    node.fails = [](const Request&) { return ENOSPC; };
    Status status = write_sync(node, 0, bytes);
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().number(), ENOSPC);
    EXPECT_EQ(status.error().text(), "could not write to block node 'a': No space left on device");
}

TEST_F(NodeTest, optionsDecideBeforeTheDriver) {
    NodeOptions options = FakeNode::fake_options("ro");
    options.read_only = true;
    FakeNode& read_only = add(4096, options);
    std::vector<uint8_t> bytes(512, 1);
    TestRequest write(Op::Write, 0, bytes);
    EXPECT_EQ(run(read_only, write), -EPERM);
    options = FakeNode::fake_options("nf");
    options.no_flush = true;
    options.discard_unmap = false;
    FakeNode& lazy = add(4096, options);
    TestRequest flush(Op::Flush, 0, 0), discard(Op::Discard, 0, 512), zeroes(Op::WriteZeroes, 0, 512);
    zeroes.flags = kMayUnmap;
    EXPECT_EQ(run(lazy, flush), 0);
    EXPECT_EQ(run(lazy, discard), 0);
    EXPECT_EQ(run(lazy, zeroes), 0);
    ASSERT_EQ(lazy.seen.size(), 1u);
    EXPECT_EQ(lazy.seen[0].op, Op::WriteZeroes);
    EXPECT_EQ(lazy.seen[0].flags, 0);
    TestRequest beyond(Op::Read, UINT64_MAX - 10, bytes);
    EXPECT_EQ(run(lazy, beyond), -EINVAL);
}

TEST_F(NodeTest, detectedZeroesAreNotWritten) {
    NodeOptions options = FakeNode::fake_options("dz");
    options.detect_zeroes = DetectZeroes::Unmap;
    FakeNode& node = add(8192, options);
    std::vector<uint8_t> bytes(4096);
    TestRequest zero(Op::Write, 0, bytes);
    EXPECT_EQ(run(node, zero), 0);
    bytes[4095] = 1;
    TestRequest data(Op::Write, 0, bytes);
    EXPECT_EQ(run(node, data), 0);
    ASSERT_EQ(node.seen.size(), 2u);
    EXPECT_EQ(node.seen[0].op, Op::WriteZeroes);
    EXPECT_EQ(node.seen[0].flags, kMayUnmap);
    EXPECT_EQ(node.seen[1].op, Op::Write);
}

TEST_F(NodeTest, theFirstWriteBehindTheThresholdIsTold) {
    FakeNode& node = add("t");
    std::vector<uint8_t> bytes(512, 1);
    node.set_write_threshold(4096);
    for (Op op : {Op::Read, Op::Discard}) {
        TestRequest other(op, 8192, bytes);
        EXPECT_EQ(run(node, other), 0);
    }
    TestRequest flush(Op::Flush, 0, 0), before(Op::Write, 4096 - 512, bytes);
    EXPECT_EQ(run(node, flush), 0);
    EXPECT_EQ(run(node, before), 0);
    EXPECT_EQ(node.write_threshold(), 4096u);
    EXPECT_TRUE(events_.thresholds.empty());
    TestRequest behind(Op::Write, 4096 - 500, bytes), again(Op::Write, 8192, bytes);
    EXPECT_EQ(run(node, behind), 0);
    EXPECT_EQ(run(node, again), 0);
    ASSERT_EQ(events_.thresholds.size(), 1u);
    EXPECT_EQ(events_.thresholds[0].node_name, "t");
    EXPECT_EQ(events_.thresholds[0].exceeded, 12u);
    EXPECT_EQ(events_.thresholds[0].threshold, 4096u);
    EXPECT_EQ(node.write_threshold(), 0u);
    node.set_write_threshold(1);
    ASSERT_TRUE(write_zeroes_sync(node, 0, 512));
    EXPECT_EQ(events_.thresholds.size(), 2u);
}

TEST_F(NodeTest, manyWritersTellAThresholdOnce) {
    FakeNode& node = add("t");
    for (unsigned round = 1; round <= 50; ++round) {
        node.set_write_threshold(100);
        std::vector<std::thread> writers;
        for (int i = 0; i < 4; ++i)
            writers.emplace_back([&node] { EXPECT_TRUE(write_zeroes_sync(node, 0, 512)); });
        for (std::thread& writer : writers)
            writer.join();
        ASSERT_EQ(events_.thresholds.size(), round);
    }
}

TEST_F(NodeTest, fuaIsAFlushAfterWhereTheDriverHasNone) {
    FakeNode& node = add("f");
    node.set_capabilities({});
    std::vector<uint8_t> bytes(512, 1);
    TestRequest write(Op::Write, 0, bytes);
    write.flags = kFua;
    EXPECT_EQ(run(node, write), 0);
    ASSERT_TRUE(write_sync(node, 0, bytes, kFua));
    ASSERT_EQ(node.seen.size(), 4u);
    for (size_t i : {0u, 2u}) {
        EXPECT_EQ(node.seen[i].op, Op::Write);
        EXPECT_EQ(node.seen[i].flags, 0);
        EXPECT_EQ(node.seen[i + 1].op, Op::Flush);
    }
    node.fails = [](const Request& request) { return request.op == Op::Flush ? EIO : 0; };
    TestRequest again(Op::Write, 0, bytes);
    again.flags = kFua;
    EXPECT_EQ(run(node, again), -EIO);
}

TEST_F(NodeTest, partsOfBlocksAreMerged) {
    FakeNode& node = add("al");
    NodeLimits limits;
    limits.request_alignment = 4096;
    node.set_limits(limits);
    node.enforce_alignment();
    std::fill(node.data.begin(), node.data.end(), uint8_t{0x11});
    std::vector<uint8_t> bytes(1000, 0x22), back(65536);
    TestRequest write(Op::Write, 4000, bytes);
    EXPECT_EQ(run(node, write), 0);
    TestRequest zeroes(Op::WriteZeroes, 10000, 10000), inside(Op::WriteZeroes, 30000, 10);
    EXPECT_EQ(run(node, zeroes), 0);
    EXPECT_EQ(run(node, inside), 0);
    TestRequest read(Op::Read, 1, std::span(back).first(65000));
    EXPECT_EQ(run(node, read), 0);
    for (size_t i = 0; i < 65000; ++i) {
        size_t at = i + 1;
        bool zeroed = (at >= 10000 && at < 20000) || (at >= 30000 && at < 30010);
        uint8_t wanted = zeroed ? 0 : at >= 4000 && at < 5000 ? 0x22 : 0x11;
        ASSERT_EQ(back[i], wanted) << at;
    }
    for (const FakeNode::Seen& seen : node.seen)
        EXPECT_EQ((seen.offset | seen.bytes) % 4096, 0u);
}

TEST_F(NodeTest, writersOfPartsOfOneBlockDoNotUndoEachOther) {
    FakeNode& node = add("race");
    NodeLimits limits;
    limits.request_alignment = 4096;
    node.set_limits(limits);
    node.enforce_alignment();
    std::vector<std::vector<uint8_t>> memory;
    std::vector<std::unique_ptr<TestRequest>> requests;
    for (unsigned i = 0; i < 128; ++i)
        memory.emplace_back(512, static_cast<uint8_t>(i + 1));
    for (unsigned i = 0; i < 128; ++i) {
        requests.push_back(std::make_unique<TestRequest>(Op::Write, i * 512, memory[i]));
        node.submit(*requests.back());
    }
    ASSERT_TRUE(run_until([&] {
        return std::all_of(requests.begin(), requests.end(), [](auto& one) { return one->ended == 1; });
    }));
    for (unsigned i = 0; i < 128; ++i) {
        ASSERT_EQ(node.data[i * 512], i + 1);
        ASSERT_EQ(node.data[i * 512 + 511], i + 1);
    }
}

TEST_F(NodeTest, permissionsConflictByName) {
    FakeNode& node = add("p");
    auto writer = NodeRef::take(node, "device 'one'", "root", {kPermRead | kPermWrite, kPermRead});
    ASSERT_TRUE(writer);
    auto second = NodeRef::take(node, "device 'two'", "root", {kPermRead | kPermWrite, kPermAll});
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().text(),
              "Conflicts with use by device 'one' as 'root', which does not allow 'write' on p");
    EXPECT_EQ(node.uses().size(), 1u);
    auto reader = NodeRef::take(node, "device 'three'", "root", {kPermRead, kPermAll});
    EXPECT_TRUE(reader);
    EXPECT_FALSE(graph_.remove("p"));
    writer->reset();
    EXPECT_TRUE(reader->set_permissions({kPermRead | kPermWrite, kPermRead}));
    reader->reset();
    EXPECT_TRUE(graph_.remove("p"));
    EXPECT_EQ(graph_.find("p"), nullptr);
}

}  // namespace
}  // namespace vmm::block
