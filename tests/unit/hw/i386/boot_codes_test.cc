#include "hw/i386/boot_codes.h"

#include <gtest/gtest.h>

namespace vmm {
namespace {

TEST(BootCodes, Letters_becomeCodesInOrder) {
    EXPECT_EQ(*boot_codes("cad"), (BootCodes{2, 1, 3}));
    EXPECT_EQ(*boot_codes("n"), (BootCodes{4, 0, 0}));
    EXPECT_EQ(*boot_codes("b"), (BootCodes{1, 0, 0}));
    EXPECT_EQ(*boot_codes(""), (BootCodes{0, 0, 0}));
}

TEST(BootCodes, UnknownTwiceAndTooMany_areRefused) {
    for (const char* bad : {"x", "cc", "cadn", "c d", "C"})
        EXPECT_FALSE(boot_codes(bad)) << bad;
}

}  // namespace
}  // namespace vmm
