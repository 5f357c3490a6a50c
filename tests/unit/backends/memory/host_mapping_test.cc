// Host mappings: what each kind of backend maps, and that a refusal leaves nothing behind.
#include "backends/memory/host_mapping.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "tests/fakes/temporary_folder.h"
#include "util/align.h"

namespace vmm {
namespace {

bool exists(const std::string& path) {
    return access(path.c_str(), F_OK) == 0;
}

TEST(HostMapping, AnonymousIsPrivateAndHasNoDescriptor) {
    auto made = map_anonymous({.size = 4 * kMiB});
    ASSERT_TRUE(made) << made.error().message();
    EXPECT_FALSE(made->fd);
    EXPECT_FALSE(made->shared);
    EXPECT_TRUE(is_aligned(std::bit_cast<uintptr_t>(made->region.data()), 2 * kMiB));
    made->region.data()[4 * kMiB - 1] = 1;
}

TEST(HostMapping, SharedAnonymousHasADescriptorWithTheSameBytes) {
    auto made = map_anonymous({.size = kMiB, .share = true});
    ASSERT_TRUE(made) << made.error().message();
    made->region.data()[5] = 0x5a;
    uint8_t byte = 0;
    ASSERT_EQ(pread(made->fd.get(), &byte, 1, 5), 1);
    EXPECT_EQ(byte, 0x5a);
    EXPECT_NE(fcntl(made->fd.get(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST(HostMapping, MemfdIsSealed) {
    auto made = map_memfd({.name = "m", .size = kMiB});
    ASSERT_TRUE(made) << made.error().message();
    EXPECT_EQ(ftruncate(made->fd.get(), 2 * kMiB), -1);
    auto loose = map_memfd({.name = "m", .size = kMiB, .seal = false});
    ASSERT_TRUE(loose);
    EXPECT_EQ(ftruncate(loose->fd.get(), 2 * kMiB), 0);
}

TEST(HostMapping, HugePagesMustDivideTheSize) {
    auto made = map_memfd({.name = "m", .size = 3 * kMiB, .hugetlb = true, .hugetlb_size = 2 * kMiB});
    ASSERT_FALSE(made);
    EXPECT_NE(made.error().text().find("not a multiple of the page size 2 MiB"), std::string::npos)
        << made.error().text();
}

TEST(HostMapping, FileIsMadeWithTheSizeAndKeepsItsBytes) {
    TemporaryFolder dir;
    std::string path = dir / "ram";
    {
        auto made = map_file({.path = path, .size = kMiB, .share = true});
        ASSERT_TRUE(made) << made.error().message();
        made->region.data()[kMiB - 1] = 7;
    }
    auto again = map_file({.path = path, .open_readonly = true});
    ASSERT_TRUE(again) << again.error().message();
    EXPECT_EQ(again->region.size(), kMiB);
    EXPECT_EQ(again->region.data()[kMiB - 1], 7);
}

TEST(HostMapping, FileInADirectoryHasNoName) {
    TemporaryFolder dir;
    auto made = map_file({.path = dir.path(), .size = kMiB, .share = true});
    ASSERT_TRUE(made) << made.error().message();
    EXPECT_EQ(rmdir(dir.path().c_str()), 0) << "the directory must be empty";
    EXPECT_EQ(mkdir(dir.path().c_str(), 0700), 0);
}

TEST(HostMapping, RefusedFilesLeaveNothingBehind) {
    TemporaryFolder dir;
    std::string path = dir / "ram";
    EXPECT_FALSE(map_file({.path = path}));                // no size
    EXPECT_FALSE(map_file({.path = path, .size = 4097}));  // not whole pages
    EXPECT_FALSE(map_file({.path = path, .size = kMiB, .alignment = 12345}));
    EXPECT_FALSE(map_file({.path = path, .size = uint64_t{1} << 62}));  // no such file can be
    EXPECT_FALSE(exists(path));
    EXPECT_FALSE(map_file({.path = dir / "no/such", .size = kMiB}));
}

TEST(HostMapping, ShortFileIsNotGrown) {
    TemporaryFolder dir;
    std::string path = dir / "ram";
    ASSERT_TRUE(map_file({.path = path, .size = kMiB, .share = true}));
    auto made = map_file({.path = path, .size = 2 * kMiB});
    ASSERT_FALSE(made);
    EXPECT_NE(made.error().text().find("has 1 MiB, less than the 2 MiB"), std::string::npos)
        << made.error().text();
    struct stat info = {};
    ASSERT_EQ(stat(path.c_str(), &info), 0);
    EXPECT_EQ(info.st_size, static_cast<off_t>(kMiB));
}

}  // namespace
}  // namespace vmm
