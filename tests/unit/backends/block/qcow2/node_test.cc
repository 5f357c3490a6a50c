// The qcow2 node over a file in memory: which requests go past the worker, what waits for what, and a long
// mix of overlapping requests.
#include <gtest/gtest.h>

#include <random>

#include "backends/block/qcow2/backing_name.h"
#include "backends/block/qcow2/check.h"
#include "backends/block/qcow2/create.h"
#include "backends/block/qcow2/qcow2_node.h"
#include "tests/fakes/fake_node.h"
#include "tests/fakes/memory_image_file.h"

namespace vmm::block {
namespace {

constexpr uint64_t kCluster = 4096, kDisk = 4 << 20;

struct Io : Request {
    std::vector<uint8_t> data;
    iovec vector;
    bool finished = false;

    Io(Op what, uint64_t at, uint64_t length, uint8_t fill = 0) : data(length, fill) {
        op = what;
        offset = at;
        bytes = length;
        vector = {data.data(), data.size()};
        iov = {&vector, 1};
        done = [](Request& request) { static_cast<Io&>(request).finished = true; };
    }
};

class Qcow2NodeTest : public testing::Test {
  protected:
    void SetUp() override {
        IoContext::Config config;
        config.use_uring = false;
        auto made = IoContext::create(loop, config);
        ASSERT_TRUE(made);
        context = std::move(made).take_value();
        qcow2::MemoryImageFile memory;
        qcow2::CreateOptions options;
        options.size = kDisk;
        options.cluster_size = kCluster;
        options.backing_file = "base";
        ASSERT_TRUE(qcow2::create_image(memory, options));
        file = std::make_unique<FakeNode>(*context, 0);
        file->data = memory.data;
        ASSERT_TRUE(file->truncate(memory.data.size()));
        base = std::make_unique<FakeNode>(*context, kDisk / 2 + 100);
        for (size_t i = 0; i < base->data.size(); ++i)
            base->data[i] = static_cast<uint8_t>(i >> 9);
        open();
    }
    void open() {
        NodeOptions options;
        options.name = "fmt";
        options.driver = "qcow2";
        options.discard_unmap = true;
        auto made = Qcow2Node::create(options, *file, {});
        ASSERT_TRUE(made) << made.error().message();
        node = std::move(made).take_value();
        ASSERT_TRUE(node->set_backing(base.get()));
        file->seen.clear();
    }
    void wait(Io& io) {
        while (!io.finished)
            context->poll(true);
    }
    int run(Io& io) {
        node->submit(io);
        EXPECT_FALSE(io.finished);
        wait(io);
        return io.result;
    }
    size_t asynchronous() const {
        return std::count_if(file->seen.begin(), file->seen.end(),
                             [](const auto& one) { return !one.blocking; });
    }
    void expect_clean() {
        node.reset();
        qcow2::MemoryImageFile memory;
        memory.data = file->data;
        auto report = qcow2::check_image(memory);
        ASSERT_TRUE(report) << report.error().message();
        EXPECT_EQ(report->corruptions, 0u) << report->first_problem;
        EXPECT_EQ(report->leaks, 0u);
    }

    EventLoop loop;
    std::unique_ptr<IoContext> context;
    std::unique_ptr<FakeNode> file, base;
    std::unique_ptr<Qcow2Node> node;
};

TEST_F(Qcow2NodeTest, writesInPlaceAndReadsGoPastTheWorker) {
    Io first(Op::Write, 3 * kCluster, kCluster, 0x11);
    EXPECT_EQ(run(first), 0);
    EXPECT_EQ(asynchronous(), 0u);  // it was allocated
    file->seen.clear();
    Io again(Op::Write, 3 * kCluster + 512, 512, 0x22);
    EXPECT_EQ(run(again), 0);
    ASSERT_EQ(file->seen.size(), 1u);
    EXPECT_FALSE(file->seen[0].blocking);
    Io read(Op::Read, 3 * kCluster, kCluster);
    EXPECT_EQ(run(read), 0);
    EXPECT_EQ(read.data[511], 0x11);
    EXPECT_EQ(read.data[512], 0x22);
    EXPECT_EQ(read.data[1024], 0x11);
    EXPECT_EQ(asynchronous(), 2u);
    expect_clean();
}

TEST_F(Qcow2NodeTest, aReadOfManyKindsIsOneRequest) {
    Io data(Op::Write, 2 * kCluster, kCluster, 0x33);
    EXPECT_EQ(run(data), 0);
    Io zero(Op::WriteZeroes, 3 * kCluster, kCluster);
    EXPECT_EQ(run(zero), 0);
    Io read(Op::Read, kCluster, kDisk - kCluster, 0xee);
    EXPECT_EQ(run(read), 0);
    for (uint64_t i = 0; i < read.bytes; ++i) {
        uint64_t at = kCluster + i;
        uint8_t want = at < base->data.size() ? base->data[at] : 0;
        if (at / kCluster == 2) want = 0x33;
        if (at / kCluster == 3) want = 0;
        ASSERT_EQ(read.data[i], want) << at;
    }
    expect_clean();
}

TEST_F(Qcow2NodeTest, aFlushWithNothingToOrderIsTheFilesOwn) {
    Io flush(Op::Flush, 0, 0);
    EXPECT_EQ(run(flush), 0);
    EXPECT_EQ(asynchronous(), 1u);
    Io write(Op::Write, 0, 100, 1);
    EXPECT_EQ(run(write), 0);
    file->seen.clear();
    Io ordered(Op::Flush, 0, 0);
    EXPECT_EQ(run(ordered), 0);
    EXPECT_EQ(asynchronous(), 0u);
    EXPECT_GE(file->count(Op::Flush), 2u);
    EXPECT_FALSE(node->image().metadata_dirty());
}

TEST_F(Qcow2NodeTest, aDiscardWaitsForWritesInItsClusters) {
    Io first(Op::Write, 0, kCluster, 0x44);
    EXPECT_EQ(run(first), 0);
    file->hold = true;
    Io slow(Op::Write, 0, 512, 0x55);
    node->submit(slow);
    ASSERT_EQ(file->held.size(), 1u);
    Io discard(Op::Discard, 0, kCluster);
    node->submit(discard);
    for (int i = 0; i < 50 && !discard.finished; ++i) {
        context->poll(false);
        usleep(1000);
    }
    EXPECT_FALSE(discard.finished);
    // What comes later for the same cluster does not overtake it.
    Io late(Op::Write, 0, 512, 0x66);
    node->submit(late);
    EXPECT_EQ(file->held.size(), 1u);
    file->release();
    wait(slow);
    wait(discard);
    wait(late);
    Io read(Op::Read, 0, kCluster);
    EXPECT_EQ(run(read), 0);
    EXPECT_EQ(read.data[600], 0);
    EXPECT_EQ(read.data[0], 0x66);
    expect_clean();
}

TEST_F(Qcow2NodeTest, errorsOfTheFileAreTheGuests) {
    Io first(Op::Write, 0, kCluster, 1);
    EXPECT_EQ(run(first), 0);
    file->fails = [](const Request& request) { return request.op == Op::Read ? EIO : ENOSPC; };
    Io read(Op::Read, 0, 512);
    EXPECT_EQ(run(read), -EIO);
    Io write(Op::Write, 5 * kCluster, 512);
    EXPECT_EQ(run(write), -ENOSPC);
    file->fails = nullptr;
    Io again(Op::Write, 5 * kCluster, 512, 9);
    EXPECT_EQ(run(again), 0);
    expect_clean();
}

TEST_F(Qcow2NodeTest, manyRequestsAtOnceReadAsIfOneByOne) {
    std::vector<uint8_t> model(kDisk);
    std::copy(base->data.begin(), base->data.end(), model.begin());
    std::mt19937 random(3);
    for (int round = 0; round < 60; ++round) {
        // Disjoint pieces, so that any order gives the same bytes; clusters are shared all the same.
        std::vector<std::unique_ptr<Io>> flying;
        uint64_t at = random() % 9000;
        while (at < kDisk && flying.size() < 40) {
            uint64_t bytes = std::min<uint64_t>(1 + random() % 6000, kDisk - at);
            auto kind = random() % 6;
            Op op = kind == 0 ? Op::WriteZeroes : kind == 1 ? Op::Flush : kind == 2 ? Op::Read : Op::Write;
            auto fill = static_cast<uint8_t>(random());
            flying.push_back(std::make_unique<Io>(op, at, bytes, fill));
            if (op == Op::Write) std::fill_n(model.begin() + static_cast<ptrdiff_t>(at), bytes, fill);
            if (op == Op::WriteZeroes)
                std::fill_n(model.begin() + static_cast<ptrdiff_t>(at), bytes, uint8_t{0});
            if (random() % 4 == 0) flying.back()->flags = kFua;
            node->submit(*flying.back());
            at += bytes + random() % 40000;
        }
        for (auto& io : flying) {
            wait(*io);
            ASSERT_EQ(io->result, 0);
            if (io->op == Op::Read) {
                ASSERT_TRUE(std::equal(io->data.begin(), io->data.end(),
                                       model.begin() + static_cast<ptrdiff_t>(io->offset)));
            }
        }
        if (round % 20 == 19) {
            node.reset();
            open();
        }
    }
    Io all(Op::Read, 0, kDisk);
    EXPECT_EQ(run(all), 0);
    EXPECT_TRUE(all.data == model);
    expect_clean();
}

TEST_F(Qcow2NodeTest, sizesChange) {
    ASSERT_TRUE(node->truncate(kDisk + 512));
    EXPECT_EQ(node->size(), kDisk + 512);
    Io read(Op::Read, kDisk, 512, 0xee);
    EXPECT_EQ(run(read), 0);
    EXPECT_EQ(read.data[0], 0);
    Io beyond(Op::Write, kDisk + 512, 512);
    EXPECT_EQ(run(beyond), -ENOSPC);
    expect_clean();
}

TEST_F(Qcow2NodeTest, extentsAndInfoSayWhatThereIs) {
    Io write(Op::Write, kCluster, kCluster, 1);
    EXPECT_EQ(run(write), 0);
    auto below = node->extent(0, kDisk);
    ASSERT_TRUE(below);
    EXPECT_EQ(below->kind, Extent::Kind::Unallocated);
    EXPECT_EQ(below->bytes, kCluster);
    auto data = node->extent(kCluster, kDisk - kCluster);
    ASSERT_TRUE(data);
    EXPECT_EQ(data->kind, Extent::Kind::Data);
    ASSERT_TRUE(data->mapped_at.has_value());
    EXPECT_EQ(file->data[*data->mapped_at], 1);
    EXPECT_EQ(node->backing_file(), "base");
    qapi::Dict info = node->specific_info();
    EXPECT_EQ(*info.find("backing-filename")->if_string(), "base");
    EXPECT_EQ(*info.find("format-specific")->if_dict()->find("type")->if_string(), "qcow2");
}

TEST(BackingName, isRelativeToTheImage) {
    auto path = [](const char* image, const char* backing) {
        auto found = qcow2::backing_path(image, backing);
        return found ? *found : "error";
    };
    EXPECT_EQ(path("/a/b/c.qcow2", "base.raw"), "/a/b/base.raw");
    EXPECT_EQ(path("c.qcow2", "base.raw"), "base.raw");
    EXPECT_EQ(path("dir/c.qcow2", "../base"), "dir/../base");
    EXPECT_EQ(path("file:dir/c.qcow2", "base"), "dir/base");
    EXPECT_EQ(path("/a/c.qcow2", "/x/base"), "/x/base");
    EXPECT_EQ(path("/a/c.qcow2", "json:{\"driver\":\"null-co\"}"), "json:{\"driver\":\"null-co\"}");
    EXPECT_EQ(path("/a/c.qcow2", "nbd://host/x"), "nbd://host/x");
    EXPECT_EQ(path("json:{}", "base"), "error");
    EXPECT_EQ(path("json:{}", "/base"), "/base");
    EXPECT_EQ(path("/a/c.qcow2", ""), "error");
}

}  // namespace
}  // namespace vmm::block
