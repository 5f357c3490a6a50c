// SmallVector: the same list inside and outside of its own room.
#include "util/small_vector.h"

#include <gtest/gtest.h>

namespace vmm {
namespace {

TEST(SmallVector, keepsItsElementsWhenItOutgrowsItsRoom) {
    SmallVector<int, 2> list;
    EXPECT_TRUE(list.empty());
    for (int i = 0; i < 10; ++i) {
        list.push_back(i);
        ASSERT_EQ(list.size(), static_cast<size_t>(i) + 1);
        ASSERT_EQ(list.back(), i);
        int expected = 0;
        for (int value : list)
            ASSERT_EQ(value, expected++);
    }
    list[3] = 33;
    EXPECT_EQ(list[3], 33);
}

TEST(SmallVector, oneOfItsOwnMayBeAdded) {
    SmallVector<int, 1> list;
    list.push_back(7);
    for (int i = 0; i < 20; ++i)
        list.push_back(list[0]);
    EXPECT_EQ(list.size(), 21u);
    EXPECT_EQ(list.back(), 7);
}

TEST(SmallVector, copiesAreOfTheirOwn) {
    for (int count : {1, 5}) {
        SmallVector<int, 2> list;
        for (int i = 0; i < count; ++i)
            list.push_back(i);
        SmallVector<int, 2> copy = list;
        copy[0] = 100;
        EXPECT_EQ(list[0], 0);
        EXPECT_EQ(copy.size(), static_cast<size_t>(count));
    }
}

}  // namespace
}  // namespace vmm
