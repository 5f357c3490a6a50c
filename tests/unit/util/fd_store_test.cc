// Named descriptors and sets: replacing, taking, numbering, access modes, limits.
#include "util/fd_store.h"

#include <fcntl.h>
#include <gtest/gtest.h>

namespace vmm {
namespace {

Fd open_null(int flags) {
    return std::move(open_file("/dev/null", flags)).take_value();
}

bool is_open(int fd) {
    return ::fcntl(fd, F_GETFD) >= 0;
}

TEST(FdStore, ANameIsTakenOnceAndReplacedWhenGivenTwice) {
    FdStore store;
    Fd first = open_null(O_RDONLY);
    const int number = first.get();
    ASSERT_TRUE(store.keep("migrate", std::move(first)));
    ASSERT_TRUE(store.keep("migrate", open_null(O_RDONLY)));
    EXPECT_FALSE(is_open(number));
    EXPECT_TRUE(store.take("migrate"));
    EXPECT_FALSE(store.take("migrate"));
    EXPECT_EQ(store.close("x").error().text(), "no descriptor is named 'x'");
    EXPECT_FALSE(store.keep("1x", open_null(O_RDONLY)));
    EXPECT_FALSE(store.keep("", open_null(O_RDONLY)));
}

TEST(FdStore, SetsGetTheFirstFreeNumberAndGoWithTheirLastDescriptor) {
    FdStore store;
    EXPECT_EQ(*store.add_to_set(std::nullopt, open_null(O_RDONLY), "a"), 0u);
    EXPECT_EQ(*store.add_to_set(2, open_null(O_RDONLY), std::nullopt), 2u);
    EXPECT_EQ(*store.add_to_set(std::nullopt, open_null(O_RDWR), std::nullopt), 1u);
    EXPECT_EQ(*store.add_to_set(0, open_null(O_WRONLY), std::nullopt), 0u);
    auto sets = store.sets();
    ASSERT_EQ(sets.size(), 3u);
    ASSERT_EQ(sets[0].fds.size(), 2u);
    EXPECT_EQ(sets[0].fds[0].opaque, "a");
    EXPECT_TRUE(store.remove_from_set(0, sets[0].fds[0].fd));
    EXPECT_FALSE(store.remove_from_set(0, sets[0].fds[0].fd));
    EXPECT_TRUE(store.remove_from_set(0, sets[0].fds[1].fd));
    EXPECT_FALSE(store.remove_from_set(0, std::nullopt));
    EXPECT_TRUE(store.remove_from_set(2, std::nullopt));
    EXPECT_EQ(store.sets().size(), 1u);
}

TEST(FdStore, APathOpensTheDescriptorOfTheRightMode) {
    FdStore store;
    ASSERT_TRUE(store.add_to_set(3, open_null(O_RDONLY), std::nullopt));
    ASSERT_TRUE(store.add_to_set(3, open_null(O_RDWR), std::nullopt));
    auto opened = store.open_path("/dev/fdset/3", O_RDWR);
    ASSERT_TRUE(opened && *opened);
    EXPECT_EQ(::fcntl((*opened)->get(), F_GETFL) & O_ACCMODE, O_RDWR);
    EXPECT_FALSE(store.open_path("/dev/fdset/3", O_WRONLY));
    EXPECT_FALSE(store.open_path("/dev/fdset/4", O_RDWR));
    EXPECT_FALSE(store.open_path("/dev/fdset/x", O_RDWR));
    auto other = store.open_path("/dev/null", O_RDWR);
    EXPECT_TRUE(other && !*other);
}

}  // namespace
}  // namespace vmm
