// What a dying TD says.
#include "target/i386/confidential/tdx/report_fatal.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <string_view>

namespace vmm::tdx {
namespace {

using Registers = std::array<uint64_t, 16>;

// Text in the registers that carry it, as a guest writes it.
Registers dying(std::string_view text, uint64_t error) {
    Registers out{};
    out[12] = error;
    constexpr int kOrder[] = {14, 15, 3, 7, 6, 8, 9, 2};
    for (int reg : kOrder) {
        out[1] |= uint64_t{1} << reg;
        std::memcpy(&out[static_cast<size_t>(reg)], text.data(), std::min<size_t>(8, text.size()));
        text.remove_prefix(std::min<size_t>(8, text.size()));
    }
    return out;
}

TEST(FatalReport, MessageIsInRegisterOrder) {
    const auto report =
        decode_fatal_report(dying("TD misconfiguration: SEPT #VE has to be disabled", 0x10000));
    ASSERT_TRUE(report);
    EXPECT_EQ(report->code, 0x10000u);
    EXPECT_EQ(report->message, "TD misconfiguration: SEPT #VE has to be disabled");
    EXPECT_FALSE(report->gpa);
}

TEST(FatalReport, SixtyFourBytesAreAllThereIs) {
    const std::string text(64, 'x');
    EXPECT_EQ(decode_fatal_report(dying(text, 0))->message, text);
}

TEST(FatalReport, UnprintableBytesAreReplaced) {
    EXPECT_EQ(decode_fatal_report(dying("a\n\x1b[1m\xff", 0))->message, "a??[1m?");
}

TEST(FatalReport, OnlyNamedRegistersCount) {
    Registers registers = dying("0123456789abcdef", 0);
    registers[1] = uint64_t{1} << 15;
    EXPECT_EQ(decode_fatal_report(registers)->message, "89abcdef");
    registers[1] = 0;
    EXPECT_EQ(decode_fatal_report(registers)->message, "");
}

TEST(FatalReport, AddressIsGivenWhenValid) {
    Registers registers = dying("", uint64_t{1} << 63 | 0x20000);
    registers[13] = 0x1234000;
    const auto report = decode_fatal_report(registers);
    ASSERT_TRUE(report && report->gpa);
    EXPECT_EQ(*report->gpa, 0x1234000u);
    EXPECT_EQ(report->code, 0x20000u);
}

TEST(FatalReport, CodesOutsideTheInterfaceAreRefused) {
    EXPECT_FALSE(decode_fatal_report(dying("", 1)));
    EXPECT_FALSE(decode_fatal_report(dying("", 0xffff)));
    EXPECT_FALSE(decode_fatal_report(std::array<uint64_t, 15>{}));
}

}  // namespace
}  // namespace vmm::tdx
