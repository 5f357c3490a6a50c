// A kernel that is short of memory for a while and takes nothing into its ring (EAGAIN): what is queued gets
// there nevertheless, though no completion comes to wake anybody.
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "backends/block/file.h"
#include "tests/unit/backends/block/block_fixture.h"
#include "util/fd.h"

namespace vmm::block {
namespace {

std::atomic<int> refusals{0};  // that are left

long enter(int fd, unsigned submit, unsigned wait_for, unsigned flags) {
    if (submit > 0 && refusals > 0) {
        --refusals;
        errno = EAGAIN;
        return -1;
    }
    return ::syscall(SYS_io_uring_enter, fd, submit, wait_for, flags, nullptr, 0ul);
}

class RefusingRing : public BlockTest {
  protected:
    RefusingRing() : BlockTest({.ring_enter = enter}) {
        char name[] =
            "/var/tmp/refusing-ring-XXXXXX";  // a file system that has to wait: /tmp may be in memory
        file_ = Fd(::mkstemp(name));
        path_ = name;
        (void)::ftruncate(file_.get(), 65536);
        refusals = 0;
    }
    ~RefusingRing() override { ::unlink(path_.c_str()); }
    std::unique_ptr<FileNode> open() {
        NodeOptions options = FakeNode::fake_options("f");
        FileConfig config;
        config.filename = path_;
        return FileNode::create(std::move(options), *context_, config).take_value();
    }
    bool has_ring() { return context_->uring() != nullptr; }

    Fd file_;
    std::string path_;
};

TEST_F(RefusingRing, aSleepingLoopTriesAgain) {
    if (!has_ring()) GTEST_SKIP() << "the kernel has no io_uring";
    auto node = open();
    std::vector<uint8_t> bytes(4096, 7);
    TestRequest write(Op::Write, 0, bytes);
    refusals = 3;
    node->submit(write);
    bool late = false;
    LoopTimer limit(loop_, [&] { late = true; });
    limit.arm_at(monotonic_ns() + 60'000'000'000);
    while (write.ended == 0 && !late)
        (void)loop_.iterate(true);
    EXPECT_EQ(refusals, 0);
    EXPECT_EQ(write.ended, 1u) << "the loop slept while the request waited";
    EXPECT_EQ(write.result, 0);
}

TEST_F(RefusingRing, aDrainTriesAgain) {
    if (!has_ring()) GTEST_SKIP() << "the kernel has no io_uring";
    auto node = open();
    std::vector<uint8_t> bytes(4096, 7);
    TestRequest write(Op::Write, 0, bytes);
    refusals = 2;
    node->submit(write);
    // Somebody has to wake a drain that sleeps for ever, so that this test fails rather than hangs.
    IoTimer limit;
    limit.fired = [](IoTimer&) {};
    context_->arm(limit, monotonic_ns() + 30'000'000'000);
    const int64_t began = monotonic_ns();
    context_->wait_until([&] { return write.ended != 0; });
    context_->cancel(limit);
    EXPECT_EQ(write.result, 0);
    EXPECT_EQ(refusals, 0);
    EXPECT_LT(monotonic_ns() - began, 25'000'000'000) << "only the timer woke it";
}

}  // namespace
}  // namespace vmm::block
