// What confidential-guest-support=auto becomes on hosts of each kind.
#include "system/control/startup/auto_protection.h"

#include <gtest/gtest.h>

namespace vmm {
namespace {

Result<qapi::ObjectOptions> choose(const char* strongest) {
    doctor::HostFacts facts;
    facts.cpu.encryption_bit = 51;
    facts.cpu.lost_phys_bits = 5;
    doctor::Diagnosis diagnosis;
    diagnosis.strongest = strongest;
    return choose_protection(facts, diagnosis);
}

TEST(AutoProtection, theObjectHasTheHostsNumbers) {
    auto snp = choose("sev-snp");
    ASSERT_TRUE(snp);
    EXPECT_EQ(snp->qom_type, qapi::ObjectType::SevSnpGuest);
    EXPECT_EQ(std::get<qapi::SevSnpGuestProperties>(snp->u).cbitpos, 51u);
    EXPECT_EQ(std::get<qapi::SevSnpGuestProperties>(snp->u).reduced_phys_bits, 5u);
    EXPECT_FALSE(std::get<qapi::SevSnpGuestProperties>(snp->u).policy);
    auto es = choose("sev-es");
    ASSERT_TRUE(es);
    EXPECT_EQ(std::get<qapi::SevGuestProperties>(es->u).policy, 5u);
    auto sev = choose("sev");
    ASSERT_TRUE(sev);
    EXPECT_EQ(std::get<qapi::SevGuestProperties>(sev->u).policy, 1u);
    auto tdx = choose("tdx");
    ASSERT_TRUE(tdx);
    EXPECT_EQ(tdx->qom_type, qapi::ObjectType::TdxGuest);
    auto software = choose("sw-protected-vm");
    ASSERT_TRUE(software);
    EXPECT_EQ(software->qom_type, qapi::ObjectType::SwProtectedVm);
}

TEST(AutoProtection, aHostWithoutAnyIsTold) {
    auto none = choose("");
    ASSERT_FALSE(none);
    EXPECT_NE(none.error().message().find("penumbra -doctor"), std::string::npos);
}

TEST(AutoProtection, whatItPickedIsSaid) {
    struct Row {
        const char* strongest;
        const char* said;
    };
    const Row rows[] = {
        {"tdx", "info: confidential-guest-support=auto: tdx-guest\n"},
        {"sev-snp", "info: confidential-guest-support=auto: sev-snp-guest\n"},
        {"sev-es", "info: confidential-guest-support=auto: sev-guest\n"},
        {"sw-protected-vm",
         "warning: confidential-guest-support=auto: sw-protected-vm, which does not protect from "
         "this host's kernel\n"}};
    for (const Row& row : rows) {
        Configuration configuration;
        testing::internal::CaptureStderr();
        ASSERT_TRUE(take_protection(choose(row.strongest).take_value(), configuration));
        const std::string said = testing::internal::GetCapturedStderr();
        EXPECT_TRUE(said.ends_with(row.said)) << said;
        EXPECT_EQ(configuration.machine.confidential_guest_support, "auto");
        ASSERT_TRUE(configuration.confidential);
        EXPECT_EQ(configuration.confidential->id, "auto");
    }
}

}  // namespace
}  // namespace vmm
