// Files in memory read through a mapping: the same bytes as the kernel gives, holes that stay holes, files
// that change under it.
#include "backends/block/file_view.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <random>

#include "util/fd.h"
#include "util/guarded_copy.h"

namespace vmm::block {
namespace {

constexpr uint64_t kPart = FileView::kPartBytes;

class FileViewTest : public testing::Test {
  protected:
    FileViewTest() : fd_(::memfd_create("file-view", MFD_CLOEXEC)), view_(FileView::create()) {}

    void fill(uint64_t offset, uint64_t bytes, uint8_t with) {
        const std::vector<uint8_t> data(bytes, with);
        ASSERT_EQ(::pwrite(fd_.get(), data.data(), bytes, static_cast<off_t>(offset)),
                  static_cast<ssize_t>(bytes));
    }
    void resize(uint64_t bytes) { ASSERT_EQ(::ftruncate(fd_.get(), static_cast<off_t>(bytes)), 0); }
    uint64_t size() const {
        struct stat is = {};
        EXPECT_EQ(::fstat(fd_.get(), &is), 0);
        return static_cast<uint64_t>(is.st_size);
    }
    uint64_t allocated() const {
        struct stat is = {};
        EXPECT_EQ(::fstat(fd_.get(), &is), 0);
        return static_cast<uint64_t>(is.st_blocks) * 512;
    }
    // Whether the view had them; if so they are the file's.
    bool read(uint64_t offset, uint64_t bytes) { return read_of(size(), offset, bytes); }
    bool read_of(uint64_t file_bytes, uint64_t offset, uint64_t bytes) {
        std::vector<uint8_t> got(bytes, 0xee);
        const uint64_t first = bytes / 3;
        const iovec pieces[] = {{got.data(), first}, {got.data() + first, bytes - first}};
        if (!view_->read(fd_.get(), file_bytes, offset, pieces)) return false;
        std::vector<uint8_t> wanted(bytes);
        EXPECT_EQ(::pread(fd_.get(), wanted.data(), bytes, static_cast<off_t>(offset)),
                  static_cast<ssize_t>(bytes));
        EXPECT_EQ(got, wanted) << bytes << " at " << offset;
        return true;
    }
    // Reads until the view has it; how often it had not.
    unsigned read_until_mapped(uint64_t offset, unsigned most = 1000) {
        for (unsigned times = 0; times < most; ++times)
            if (read(offset, 512)) return times;
        return most;
    }

    Fd fd_;
    std::unique_ptr<FileView> view_;
};

TEST_F(FileViewTest, whatIsReadOftenIsMapped) {
    fill(0, 3 * kPart, 7);
    EXPECT_EQ(read_until_mapped(kPart), FileView::kReadsFirst - 1u);
    EXPECT_EQ(view_->mapped_bytes(), kPart);
    EXPECT_TRUE(read(kPart, kPart));
    EXPECT_FALSE(read(kPart - 1, 2));
    EXPECT_FALSE(read(2 * kPart - 1, 2));
    read_until_mapped(2 * kPart);
    EXPECT_TRUE(read(kPart, 2 * kPart));
    fill(kPart + 100, 1, 9);
    EXPECT_TRUE(read(kPart, 512));
}

TEST_F(FileViewTest, holesStayHoles) {
    resize(2 * kPart);
    fill(0, kPart - 4096, 1);
    fill(kPart, kPart, 2);
    const uint64_t before = allocated();
    EXPECT_EQ(read_until_mapped(0), 1000u);
    EXPECT_EQ(allocated(), before);
    fill(kPart - 4096, 4096, 3);
    EXPECT_LT(read_until_mapped(0), 1000u);
}

TEST_F(FileViewTest, whatIsForgottenMayHaveHoles) {
    fill(0, 3 * kPart, 1);
    for (uint64_t part = 0; part < 3; ++part)
        read_until_mapped(part * kPart);
    ASSERT_EQ(::fallocate(fd_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, kPart + 8192, 4096), 0);
    view_->forget(kPart + 8192, 4096);
    const uint64_t before = allocated();
    EXPECT_FALSE(read(kPart, kPart));
    EXPECT_EQ(view_->mapped_bytes(), 2 * kPart);
    EXPECT_TRUE(read(0, kPart));
    EXPECT_TRUE(read(2 * kPart, kPart));
    EXPECT_EQ(read_until_mapped(kPart), 1000u);
    EXPECT_EQ(allocated(), before);
    view_->forget(0, UINT64_MAX);
    EXPECT_FALSE(read(0, 512));
}

TEST_F(FileViewTest, growsWithTheFile) {
    fill(0, 4096, 1);
    read_until_mapped(0);
    EXPECT_FALSE(read_of(4096, 0, 8192));
    resize(16 * kPart);
    const uint64_t before = allocated();
    EXPECT_EQ(read_until_mapped(0), 1000u);
    EXPECT_EQ(allocated(), before);
    fill(0, 16 * kPart, 5);
    EXPECT_LT(read_until_mapped(15 * kPart), 1000u);
    EXPECT_TRUE(read(15 * kPart, kPart));
    EXPECT_FALSE(read_of(16 * kPart, 16 * kPart - 256, 512));
    EXPECT_FALSE(read_of(16 * kPart, UINT64_MAX - 256, 512));
}

TEST_F(FileViewTest, aFileWithAVeryLongTableIsLeftToTheKernel) {
    fill(0, kPart, 1);
    EXPECT_TRUE(read_until_mapped(0) < 1000);
    resize(FileView::kMostBytes + 1);
    EXPECT_EQ(read_until_mapped(FileView::kMostBytes - 512), 1000u);
    EXPECT_EQ(read_until_mapped(3 * kPart), 1000u);
}

TEST_F(FileViewTest, aFileThatIsCutOffIsLeftToTheKernel) {
    fill(0, 2 * kPart, 1);
    read_until_mapped(0);
    resize(8192);
    EXPECT_FALSE(read_of(2 * kPart, 4096, 8192));
    EXPECT_FALSE(read_of(2 * kPart, 0, 512));  // until it was read often again
    EXPECT_EQ(view_->mapped_bytes(), 0u);
}

TEST_F(FileViewTest, anyReadsAreWhatTheKernelGives) {
    std::mt19937_64 random(4711);
    const auto below = [&](uint64_t end) { return random() % end; };
    resize(6 * kPart);
    unsigned seen = 0;
    for (unsigned step = 0; step < 6000; ++step) {
        const uint64_t file = size(), offset = below(file),
                       bytes = 1 + below(std::min<uint64_t>(file - offset, 9000));
        switch (below(100)) {
            case 0:
                resize((1 + below(8)) * kPart - below(2) * 1234);
                view_->forget(std::min(file, size()), UINT64_MAX);
                break;
            case 1:
                ASSERT_EQ(::fallocate(fd_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                      static_cast<off_t>(offset), static_cast<off_t>(bytes)),
                          0);
                view_->forget(offset, bytes);
                break;
            case 2:
            case 3:
                fill(offset / kPart * kPart, std::min(kPart, file - offset / kPart * kPart),
                     static_cast<uint8_t>(step));
                break;
            default:
                for (unsigned again = 0; again < 20; ++again)
                    seen += read(offset, bytes) ? 1 : 0;
        }
    }
    EXPECT_GT(seen, 1000u);
}

TEST(GuardedCopy, memoryThatIsGoneIsTold) {
    ASSERT_TRUE(guard_copies());
    Fd fd(::memfd_create("gone", MFD_CLOEXEC));
    ASSERT_EQ(::ftruncate(fd.get(), 4096), 0);
    auto there = MappedRegion::map(8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get());
    ASSERT_TRUE(there);
    std::vector<uint8_t> mine(8192, 1);
    for (unsigned times = 0; times < 3; ++times) {
        EXPECT_TRUE(copy_guarded(mine.data(), there->data(), 4096));
        EXPECT_FALSE(copy_guarded(mine.data(), there->data(), 4097));
        EXPECT_FALSE(copy_guarded(there->data() + 4096, mine.data(), 1));
    }
    EXPECT_EXIT(*static_cast<volatile uint8_t*>(there->data() + 4096) = 1, testing::KilledBySignal(SIGBUS),
                "");
    EXPECT_EXIT((void)::raise(SIGBUS), testing::KilledBySignal(SIGBUS), "");
}

}  // namespace
}  // namespace vmm::block
