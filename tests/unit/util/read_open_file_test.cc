// Reading files whole: by name and by descriptor, regular ones and streams, up to a limit.
#include "util/read_open_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "util/fd.h"

namespace vmm {
namespace {

// A descriptor to read these bytes from.
struct Source {
    const char* name;
    Fd (*open)(std::span<const uint8_t> bytes);
};

Fd regular(std::span<const uint8_t> bytes) {
    Fd file(::memfd_create("contents", MFD_CLOEXEC));
    EXPECT_TRUE(write_full(file.get(), bytes));
    ::lseek(file.get(), 0, SEEK_SET);
    return file;
}

Fd stream(std::span<const uint8_t> bytes) {
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    const Fd writer(ends[1]);
    EXPECT_TRUE(write_full(writer.get(), bytes));
    return Fd(ends[0]);
}

constexpr Source kSources[] = {{"regular", regular}, {"stream", stream}};

TEST(ReadOpenFile, GivesAllUpToTheLimit) {
    const std::vector<uint8_t> bytes = {1, 2, 3, 4, 5};
    for (const Source& source : kSources) {
        for (const uint64_t limit : {5, 6, 4096}) {
            const Fd file = source.open(bytes);
            const auto read = read_open_file(file.get(), limit);
            ASSERT_TRUE(read) << source.name << ": " << read.error().message();
            EXPECT_EQ(*read, bytes) << source.name;
        }
        const Fd file = source.open(bytes);
        const auto refused = read_open_file(file.get(), 4);
        ASSERT_FALSE(refused) << source.name;
        EXPECT_EQ(refused.error().text(), "it is 5 bytes long, the limit is 4") << source.name;
        const Fd empty = source.open({});
        const auto nothing = read_open_file(empty.get(), 0);
        EXPECT_TRUE(nothing && nothing->empty()) << source.name;
    }
}

TEST(ReadOpenFile, SaysWhatFailed) {
    const auto closed = read_open_file(-1, 10);
    ASSERT_FALSE(closed);
    EXPECT_EQ(closed.error().number(), EBADF);
    const auto folder = read_file("/", 10);
    ASSERT_FALSE(folder);
    EXPECT_NE(folder.error().message().find("could not read '/'"), std::string::npos)
        << folder.error().message();
}

}  // namespace
}  // namespace vmm
