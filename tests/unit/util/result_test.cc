// Result, Error and TRY: values and errors travel, context is put in front, nothing is copied.
#include "util/result.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace vmm {
namespace {

Result<int> half(int n) {
    if (n % 2 != 0) return Error::make("%d is odd", n).with_hint("use an even number");
    return n / 2;
}

Result<int> quarter(int n) {
    int h = TRY(half(n));
    return TRY(half(h));
}

Result<std::unique_ptr<int>> boxed(int n) {
    return std::make_unique<int>(TRY(quarter(n)));
}

TEST(Result, TryReturnsTheValue) {
    auto got = boxed(12);
    ASSERT_TRUE(got);
    EXPECT_EQ(**got, 3);
}

TEST(Result, TryReturnsTheFirstErrorUnchanged) {
    auto got = boxed(6);
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().text(), "3 is odd");
    EXPECT_EQ(got.error().message(), "3 is odd (use an even number)");
}

TEST(Error, ContextReadsOutsideIn) {
    Error error = Error::from_errno(ENOENT, "open '%s'", "x").while_doing("kernel").while_doing("-machine");
    EXPECT_EQ(error.text(), "-machine: kernel: open 'x': No such file or directory");
    EXPECT_EQ(error.number(), ENOENT);
    EXPECT_EQ(error.error_class(), ErrorClass::GenericError);
}

TEST(ResultDeathTest, ValueOfAnErrorIsOurBug) {
    auto got = half(1);
    EXPECT_DEATH((void)got.value(), "value of a failed result: 1 is odd");
}

}  // namespace
}  // namespace vmm
