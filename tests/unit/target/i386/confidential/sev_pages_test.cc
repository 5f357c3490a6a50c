// The pages a launch makes: save areas, the CPUID page, the kernel hashes; and policies.
#include <gtest/gtest.h>

#include "target/i386/confidential/kernel_hashes.h"
#include "target/i386/confidential/sev/cpuid_page.h"
#include "target/i386/confidential/sev/policy.h"
#include "target/i386/confidential/sev/vmsa.h"
#include "target/i386/kvm/regs.h"
#include "tests/unit/target/i386/confidential/vectors.h"
#include "util/endian.h"

namespace vmm::sev {
namespace {

using vectors::Bytes;
using vectors::Vector;

TEST(Vmsa, KnownPages) {
    const auto all = vectors::of_kind({"vmsa_page"});
    EXPECT_GE(all.size(), 3u);
    for (const Vector& v : all) {
        const auto start = static_cast<uint32_t>(v.number("eip"));
        VmsaInputs in;
        in.sregs = kvm::reset_sregs(start == 0xfffffff0);
        in.regs = kvm::reset_regs(static_cast<uint32_t>(v.number("vcpu_sig")));
        in.sregs.cs.base = start & 0xffff0000;
        in.regs.rip = start & 0xffff;
        in.sev_features = v.number("sev_features");
        in.fpu_synced = v.flag("fpu_synced");
        const VmsaPage page = build_vmsa(in);
        const auto wanted = vectors::find_file(v.answer("file"));
        ASSERT_TRUE(wanted) << v.id;
        EXPECT_EQ(Bytes(page.begin(), page.end()), *wanted) << v.id;
        EXPECT_EQ(to_hex(sha384(page)), v.answer("sha384"));
    }
}

TEST(Vmsa, GeneralRegistersHaveTheirPlaces) {
    VmsaInputs in;
    in.regs.rsi = 0x1111;
    in.regs.r15 = 0x2222;
    in.regs.rbp = 0x3333;
    const VmsaPage page = build_vmsa(in);
    EXPECT_EQ(load_le<uint64_t>(&page[0x330]), 0x1111u);
    EXPECT_EQ(load_le<uint64_t>(&page[0x378]), 0x2222u);
    EXPECT_EQ(load_le<uint64_t>(&page[0x328]), 0x3333u);
}

TEST(KernelHashes, KnownTable) {
    for (const Vector& v : vectors::of_kind({"kernel_hash_table"})) {
        const auto kernel = v.file("kernel"), initrd = v.file("initrd");
        ASSERT_TRUE(kernel && initrd);
        EXPECT_EQ(to_hex(kernel_hashes(*kernel, *initrd, v.text("cmdline"))), v.answer("table_hex"));
    }
}

CpuidEntry leaf(uint32_t function, uint32_t index, uint32_t eax, uint32_t flags = kCpuidSignificantIndex) {
    return {.function = function, .index = index, .flags = flags, .eax = eax};
}

TEST(CpuidPage, WhatTheProcessorsShow) {
    const std::vector<CpuidEntry> leaves{leaf(0, 0, 0xd, 0), leaf(1, 7, 0x800f12, 0), leaf(7, 1, 0x10),
                                         leaf(7, 2, 0),      leaf(0xd, 0, 7),         leaf(0xd, 1, 0xf),
                                         leaf(0xd, 2, 0x100)};
    const auto entries = parse_cpuid_page(build_cpuid_page(leaves).take_value()).take_value();
    ASSERT_EQ(entries.size(), 6u) << "what is all zero is left out";
    EXPECT_EQ(entries[1].function, 1u);
    EXPECT_EQ(entries[1].index, 0u) << "the index counts only where it is significant";
    EXPECT_EQ(entries[2].index, 1u);
    EXPECT_EQ(entries[3].ebx, 0x240u);
    EXPECT_EQ(entries[3].xcr0, 1u);
    EXPECT_EQ(entries[4].ebx, 0x240u);
    EXPECT_EQ(entries[5].ebx, 0u);
    EXPECT_EQ(entries[5].xcr0, 0u);
}

TEST(CpuidPage, ThereIsRoomForSixtyFour) {
    std::vector<CpuidEntry> leaves;
    for (uint32_t i = 0; i < kMostCpuidEntries; ++i)
        leaves.push_back(leaf(i, 0, 1));
    EXPECT_TRUE(build_cpuid_page(leaves));
    leaves.push_back(leaf(0x80000000, 0, 1));
    EXPECT_FALSE(build_cpuid_page(leaves));
}

TEST(CpuidPage, CorrectionsAreShownByRegister) {
    const auto given =
        build_cpuid_page(std::vector<CpuidEntry>{leaf(1, 0, 0xff, 0), leaf(7, 1, 3)}).take_value();
    auto returned = given;
    EXPECT_TRUE(cpuid_corrections(given, returned).empty());
    returned[16 + 24] = 0xfe;
    returned[16 + 48 + 24] = 1;
    const auto lines = cpuid_corrections(given, returned);
    ASSERT_EQ(lines.size(), 2u);
    EXPECT_NE(lines[0].find("leaf 0x1 EAX: 0x000000ff was given, 0x000000fe would be accepted"),
              std::string::npos)
        << lines[0];
    EXPECT_NE(lines[1].find("leaf 0x7.1 EAX"), std::string::npos);
}

TEST(CpuidPage, BadPages) {
    EXPECT_FALSE(parse_cpuid_page(Bytes(15)));
    Bytes page(kPageSize);
    page[0] = 65;
    EXPECT_FALSE(parse_cpuid_page(page));
    page[0] = 64;
    EXPECT_TRUE(parse_cpuid_page(page));
    page.resize(16 + 64 * 48 - 1);
    EXPECT_FALSE(parse_cpuid_page(page));
}

TEST(Policy, WhatIsRefused) {
    EXPECT_TRUE(check_snp_policy(kDefaultSnpPolicy));
    EXPECT_FALSE(check_snp_policy(0x10000)) << "bit 17";
    EXPECT_FALSE(check_snp_policy(uint64_t{1} << 40 | kDefaultSnpPolicy));
    EXPECT_TRUE(check_snp_policy(kDefaultSnpPolicy | kSnpPolicyDebug));
    EXPECT_FALSE(check_snp_policy(kDefaultSnpPolicy | kSnpPolicySingleSocket, 0xbffff));
    EXPECT_TRUE(check_sev_policy(5));
    EXPECT_FALSE(check_sev_policy(0x40));
}

}  // namespace
}  // namespace vmm::sev
