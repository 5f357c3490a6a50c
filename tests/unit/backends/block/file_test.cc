// Files: the same answers from the ring and from workers, buffered and O_DIRECT; locks between users; what
// was flushed survives the death of the process.
#include "backends/block/file.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>

#include "backends/block/iov.h"
#include "tests/fakes/temporary_folder.h"
#include "tests/unit/backends/block/block_fixture.h"
#include "util/fd.h"
#include "util/fd_store.h"

namespace vmm::block {
namespace {

struct Way {
    const char* name;
    bool ring;
    bool direct;
    bool in_memory = false;
};

class FileTest : public BlockTest, public testing::WithParamInterface<Way> {
  protected:
    FileTest() : BlockTest({.use_uring = GetParam().ring}) {}
    void make_file(uint64_t size) {
        auto fd = open_file(path_, O_RDWR | O_CREAT | O_TRUNC);
        ASSERT_TRUE(fd);
        ASSERT_EQ(::ftruncate(fd->get(), static_cast<off_t>(size)), 0);
    }
    NodeOptions options() const {
        NodeOptions out = FakeNode::fake_options("f");
        out.driver = "file";
        out.filename = path_;
        out.cache_direct = GetParam().direct;
        return out;
    }
    Result<std::unique_ptr<FileNode>> open(NodeOptions options, FileConfig config = {}) {
        config.filename = path_;
        return FileNode::create(std::move(options), *context_, config);
    }
    std::unique_ptr<FileNode> must_open() {
        auto node = open(options());
        EXPECT_TRUE(node) << node.error().message();
        return std::move(node).take_value();
    }

    TemporaryFolder dir_{
        GetParam().in_memory ? "/dev/shm" : "/var/tmp"};  // not /tmp, which may be a tmpfs without O_DIRECT
    std::string path_ = dir_ / "image";
};

INSTANTIATE_TEST_SUITE_P(Ways, FileTest,
                         testing::Values(Way{"ring", true, false}, Way{"workers", false, false},
                                         Way{"ringDirect", true, true}, Way{"workersDirect", false, true},
                                         Way{"inMemory", true, false, true}),
                         [](const auto& way) { return way.param.name; });

TEST_P(FileTest, randomRequestsMatchAModel) {
    constexpr size_t kSize = 1 << 20;
    make_file(kSize);
    auto node = must_open();
    std::vector<uint8_t> model(kSize);
    std::mt19937 random(GetParam().ring * 2 + GetParam().direct);
    for (int round = 0; round < 200; ++round) {
        size_t at = random() % kSize, length = std::min<size_t>(1 + random() % 20000, kSize - at);
        if (round % 2 == 0) {
            at &= ~size_t{511};
            length = std::max<size_t>(512, length & ~size_t{511});
            length = std::min(length, kSize - at);
        }
        std::vector<uint8_t> bytes(length + 3);
        for (uint8_t& byte : bytes)
            byte = static_cast<uint8_t>(random());
        std::span<uint8_t> memory = std::span(bytes).subspan(random() % 4, length);
        iovec parts[2] = {{memory.data(), length / 3}, {memory.data() + length / 3, length - length / 3}};
        switch (random() % 5) {
            case 0:
            case 1: {
                TestRequest write(Op::Write, at, memory);
                write.iov = parts;
                write.flags = random() % 4 == 0 ? kFua : 0;
                ASSERT_EQ(run(*node, write), 0);
                std::copy(memory.begin(), memory.end(), model.begin() + static_cast<std::ptrdiff_t>(at));
                break;
            }
            case 2: {
                TestRequest zeroes(Op::WriteZeroes, at, length);
                zeroes.flags = random() % 2 == 0 ? kMayUnmap : 0;
                ASSERT_EQ(run(*node, zeroes), 0);
                std::fill_n(model.begin() + static_cast<std::ptrdiff_t>(at), length, uint8_t{0});
                break;
            }
            case 3: {
                TestRequest flush(Op::Flush, 0, 0);
                ASSERT_EQ(run(*node, flush), 0);
                [[fallthrough]];
            }
            default: {
                TestRequest read(Op::Read, at, memory);
                read.iov = parts;
                ASSERT_EQ(run(*node, read), 0);
                ASSERT_TRUE(
                    std::equal(memory.begin(), memory.end(), model.begin() + static_cast<std::ptrdiff_t>(at)))
                    << at << " " << length;
            }
        }
    }
    std::vector<uint8_t> whole(kSize);
    ASSERT_TRUE(read_sync(*node, 0, whole));
    EXPECT_EQ(whole, model);
}

// In memory they are soon read through a mapping (file_view.h), which must not show.
TEST_P(FileTest, whatIsReadOftenFollowsWhatChangesTheFile) {
    constexpr uint64_t kSize = 4 << 20, kAt = 8192;
    make_file(kSize);
    auto node = must_open();
    const auto write = [&](uint8_t value) {
        std::vector<uint8_t> bytes(kSize, value);
        TestRequest request(Op::Write, 0, bytes);
        ASSERT_EQ(run(*node, request), 0);
    };
    const auto expect_read = [&](uint8_t value) {
        std::vector<uint8_t> bytes(4096);
        for (int times = 0; times < 200; ++times) {
            std::fill(bytes.begin(), bytes.end(), uint8_t{0xee});
            TestRequest request(Op::Read, kAt, bytes);
            ASSERT_EQ(run(*node, request), 0);
            ASSERT_EQ(bytes, std::vector<uint8_t>(4096, value)) << times;
        }
    };
    const auto run_op = [&](Op op, uint8_t flags) {
        TestRequest request(op, kAt, 65536);
        request.flags = flags;
        ASSERT_EQ(run(*node, request), 0);
    };
    const auto mapped = [&] {
        std::ifstream maps("/proc/self/maps");
        const std::string all{std::istreambuf_iterator<char>(maps), {}};
        return all.find(path_) != std::string::npos;
    };
    write(1);
    EXPECT_FALSE(mapped());
    expect_read(1);
    EXPECT_EQ(mapped(), GetParam().in_memory);
    write(2);
    expect_read(2);
    run_op(Op::WriteZeroes, 0);
    expect_read(0);
    write(3);
    expect_read(3);
    run_op(Op::WriteZeroes, kMayUnmap);
    const auto allocated = node->allocated_bytes();
    expect_read(0);
    EXPECT_EQ(node->allocated_bytes(), allocated);
    write(4);
    expect_read(4);
    ASSERT_TRUE(node->truncate(4096));
    ASSERT_TRUE(node->truncate(kSize));
    expect_read(0);
    write(5);
    expect_read(5);
    ASSERT_EQ(::truncate(path_.c_str(), 4096), 0);  // by somebody else
    expect_read(0);
}

TEST_P(FileTest, behindTheEndAreZeroesAndRoomToGrow) {
    make_file(1000);
    auto node = must_open();
    EXPECT_EQ(node->size(), 1000u);
    std::vector<uint8_t> bytes(4096, 0xaa);
    TestRequest read(Op::Read, 0, bytes);
    EXPECT_EQ(run(*node, read), 0);
    EXPECT_TRUE(is_zero(bytes));
    std::fill(bytes.begin(), bytes.end(), uint8_t{0xbb});
    TestRequest write(Op::Write, 8192, bytes);
    EXPECT_EQ(run(*node, write), 0);
    EXPECT_EQ(node->size(), 12288u);
    TestRequest far(Op::Read, 1 << 30, bytes);
    EXPECT_EQ(run(*node, far), 0);
    EXPECT_TRUE(is_zero(bytes));
    ASSERT_TRUE(node->truncate(4096));
    EXPECT_EQ(node->size(), 4096u);
}

TEST_P(FileTest, holesAreSeenAndMade) {
    make_file(1 << 20);
    auto node = must_open();
    std::vector<uint8_t> bytes(65536, 1);
    ASSERT_TRUE(write_sync(*node, 262144, bytes));
    auto hole = node->extent(0, 1 << 20);
    ASSERT_TRUE(hole);
    EXPECT_EQ(hole->kind, Extent::Kind::Zero);
    EXPECT_EQ(hole->bytes, 262144u);
    auto data = node->extent(262144, 1 << 20);
    EXPECT_EQ(data->kind, Extent::Kind::Data);
    EXPECT_EQ(data->bytes, 65536u);
    EXPECT_EQ(data->mapped_at, 262144u);
    uint64_t before = *node->allocated_bytes();
    ASSERT_TRUE(discard_sync(*node, 262144, 65536));
    EXPECT_LT(*node->allocated_bytes(), before);
    EXPECT_EQ(node->extent(262144, 65536)->kind, Extent::Kind::Zero);
}

TEST_P(FileTest, deepQueuesComplete) {
    make_file(1 << 20);
    auto node = must_open();
    constexpr size_t kDepth = 1000;  // more than the ring has room for
    std::vector<uint8_t> memory(kDepth * 1024);
    std::vector<std::unique_ptr<TestRequest>> requests;
    for (size_t i = 0; i < kDepth; ++i) {
        std::fill_n(&memory[i * 1024], 1024, static_cast<uint8_t>(i));
        requests.push_back(
            std::make_unique<TestRequest>(Op::Write, i * 1024, std::span(memory).subspan(i * 1024, 1024)));
        node->submit(*requests.back());
    }
    ASSERT_TRUE(run_until([&] {
        return std::all_of(requests.begin(), requests.end(), [](auto& one) { return one->ended == 1; });
    }));
    std::vector<uint8_t> back(memory.size());
    ASSERT_TRUE(read_sync(*node, 0, back));
    EXPECT_EQ(back, memory);
}

TEST_P(FileTest, usersOfOneFileExcludeEachOther) {
    make_file(65536);
    auto one = must_open(), two = must_open();
    constexpr uint8_t kReadWrite = kPermRead | kPermWrite;
    auto writer = NodeRef::take(*one, "device 'a'", "root", {kReadWrite, kPermRead});
    ASSERT_TRUE(writer);
    auto second = NodeRef::take(*two, "device 'b'", "root", {kReadWrite, kPermRead});
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().text(), "Failed to get \"write\" lock");
    EXPECT_EQ(second.error().hint(), "Is another process using the image [" + path_ + "]?");
    auto reader = NodeRef::take(*two, "device 'b'", "root", {kPermRead, kPermAll});
    EXPECT_TRUE(reader);
    reader->reset();
    auto jealous = NodeRef::take(*two, "device 'b'", "root", {kPermRead, kPermRead});
    ASSERT_FALSE(jealous);
    EXPECT_EQ(jealous.error().text(), "Failed to get shared \"write\" lock");
    writer->reset();
    EXPECT_TRUE(NodeRef::take(*two, "device 'b'", "root", {kReadWrite, kPermRead}));
}

TEST_P(FileTest, whatCannotBeOpenedIsNamed) {
    auto missing = open(options());
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().text(), "Could not open '" + path_ + "': No such file or directory");
    make_file(0);
    FileConfig device;
    device.device = true;
    EXPECT_EQ(open(options(), device).error().text(),
              "'host_device' driver requires '" + path_ + "' to be either a character or block device");
    NodeOptions buffered = options();
    buffered.cache_direct = false;
    FileConfig native;
    native.aio = Aio::Native;
    EXPECT_EQ(open(buffered, native).error().text(),
              "aio=native was specified, but it requires cache.direct=on, which was not specified.");
    FileConfig ring;
    ring.aio = Aio::IoUring;
    EXPECT_EQ(static_cast<bool>(open(options(), ring)), GetParam().ring);
}

TEST_P(FileTest, aDescriptorOfASetIsTheFile) {
    make_file(65536);
    FdStore store;
    ASSERT_TRUE(store.add_to_set(4, open_file(path_, O_RDWR).take_value(), std::nullopt));
    const std::string real = std::exchange(path_, "/dev/fdset/4");
    FileConfig config;
    config.descriptors = &store;
    auto node = open(options(), config);
    ASSERT_TRUE(node) << node.error().message();
    std::vector<uint8_t> bytes(4096, 0x5a), back(4096);
    {
        auto user = NodeRef::take(**node, "device 'a'", "root", {kPermRead | kPermWrite, kPermRead});
        ASSERT_TRUE(user);
        ASSERT_TRUE(write_sync(**node, 8192, bytes));
    }
    node->reset();
    path_ = real;
    auto again = must_open();
    // The set's description lives on; the locks of the node do not.
    EXPECT_TRUE(NodeRef::take(*again, "device 'b'", "root", {kPermRead | kPermWrite, kPermRead}));
    ASSERT_TRUE(read_sync(*again, 8192, back));
    EXPECT_EQ(back, bytes);
}

TEST_P(FileTest, aSetWithoutTheRightDescriptorIsRefusedOrReadOnly) {
    make_file(65536);
    FdStore store;
    ASSERT_TRUE(store.add_to_set(4, open_file(path_, O_RDONLY).take_value(), std::nullopt));
    path_ = "/dev/fdset/4";
    FileConfig config;
    config.descriptors = &store;
    auto writer = open(options(), config);
    ASSERT_FALSE(writer);
    EXPECT_EQ(writer.error().text(),
              "'/dev/fdset/4': no descriptor of the set is open for reading and writing");
    NodeOptions either = options();
    either.auto_read_only = true;
    auto reader = open(either, config);
    ASSERT_TRUE(reader) << reader.error().message();
    EXPECT_TRUE((*reader)->read_only());
    path_ = "/dev/fdset/5";
    EXPECT_FALSE(open(options(), config));
}

// A child writes, flushes, tells us and writes on until it is killed; everything it told us about is there.
TEST_P(FileTest, flushedDataSurvivesKill) {
    constexpr uint64_t kBlock = 4096;
    make_file(256 * kBlock);
    int told[2];
    ASSERT_EQ(::pipe(told), 0);
    pid_t child = ::fork();
    if (child == 0) {
        EventLoop loop;
        auto context = IoContext::create(loop, {.use_uring = GetParam().ring});
        FileConfig config;
        config.filename = path_;
        auto node = FileNode::create(options(), **context, config);
        if (!node) ::_exit(1);
        for (uint32_t i = 0;; ++i) {
            std::vector<uint8_t> bytes(kBlock, static_cast<uint8_t>(i % 255 + 1));
            TestRequest write(Op::Write, i % 256 * kBlock, bytes), flush(Op::Flush, 0, 0);
            for (TestRequest* request : {&write, &flush}) {
                (*node)->submit(*request);
                while (request->ended == 0)
                    (void)(*context)->poll(true);
                if (request->result != 0) ::_exit(2);
            }
            if (::write(told[1], &i, sizeof(i)) != sizeof(i)) ::_exit(3);
        }
    }
    ::close(told[1]);
    uint32_t last = 0;
    for (int i = 0; i < 50; ++i)
        ASSERT_EQ(::read(told[0], &last, sizeof(last)), static_cast<ssize_t>(sizeof(last)));
    ::kill(child, SIGKILL);
    while (::read(told[0], &last, sizeof(last)) == static_cast<ssize_t>(sizeof(last))) {
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
    ::close(told[0]);
    auto node = must_open();
    uint32_t first = last >= 255 ? last - 254 : 0;  // older ones may have been written over
    for (uint32_t i = first; i <= last; ++i) {
        std::vector<uint8_t> bytes(kBlock);
        ASSERT_TRUE(read_sync(*node, i % 256 * kBlock, bytes));
        EXPECT_EQ(bytes[0], i % 255 + 1);
        EXPECT_EQ(bytes, std::vector<uint8_t>(kBlock, bytes[0]));
    }
}

}  // namespace
}  // namespace vmm::block
