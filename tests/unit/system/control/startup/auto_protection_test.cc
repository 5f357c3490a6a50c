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

}  // namespace
}  // namespace vmm
