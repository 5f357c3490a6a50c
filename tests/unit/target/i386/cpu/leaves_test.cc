// The leaves of a vCPU: identity, topology, caches, extended state, KVM's own, against the manuals'
// encodings.
#include "target/i386/cpu/leaves.h"

#include <gtest/gtest.h>

#include <set>

#include "target/i386/cpu/model.h"
#include "target/i386/cpu/options.h"
#include "target/i386/cpu/resolve.h"
#include "tests/unit/target/i386/cpu/full_host.h"

namespace vmm {
namespace {

CpuidPolicy policy_of(std::string_view cpu, bool intel) {
    auto request = parse_cpu_option(cpu);
    EXPECT_TRUE(request) << cpu;
    auto policy = resolve(*request, full_host(intel));
    EXPECT_TRUE(policy) << cpu;
    return std::move(policy).take_value();
}

CpuidSet leaves_of(std::string_view cpu, bool intel, const CpuTopology& topology = {}, unsigned vcpu = 0) {
    return CpuidSet(leaves_for(policy_of(cpu, intel), topology, vcpu));
}

std::string text_of(std::initializer_list<uint32_t> words) {
    std::string text;
    for (uint32_t word : words)
        for (unsigned i = 0; i < 4; i++)
            text.push_back(static_cast<char>(word >> 8 * i & 0xff));
    return text.substr(0, text.find('\0'));
}

constexpr CpuTopology kTwoByThreeByTwo{.sockets = 2, .dies = 1, .cores = 3, .threads = 2};

TEST(Leaves, vendorSignatureAndBrand) {
    const CpuidSet set = leaves_of("EPYC-Milan", false);
    const CpuidEntry* first = set.find(0);
    ASSERT_NE(first, nullptr);
    EXPECT_EQ(text_of({first->ebx, first->edx, first->ecx}), "AuthenticAMD");
    EXPECT_EQ(first->eax, 0xdu);
    EXPECT_EQ(set.find(1)->eax, 0x00a00f11u);
    EXPECT_EQ(set.find(0x80000001)->eax, 0x00a00f11u);
    EXPECT_EQ(set.find(0x80000000)->eax, 0x8000001eu);
    std::string brand;
    for (uint32_t leaf = 0x80000002; leaf <= 0x80000004; leaf++) {
        const CpuidEntry* entry = set.find(leaf);
        brand += text_of({entry->eax, entry->ebx, entry->ecx, entry->edx});
    }
    EXPECT_EQ(brand, "AMD EPYC-Milan Processor");
    EXPECT_EQ(leaves_of("Icelake-Server", true).find(1)->eax, 0x00080660u);
}

TEST(Leaves, everyVcpuHasItsApicIdEverywhere) {
    for (unsigned i = 0; i < kTwoByThreeByTwo.cpus(); i++) {
        const uint32_t id = apic_id_of_index(kTwoByThreeByTwo, i);
        const CpuidSet set = leaves_of("EPYC", false, kTwoByThreeByTwo, i);
        EXPECT_EQ(set.find(1)->ebx, id << 24 | 6u << 16 | 8u << 8);
        EXPECT_EQ(set.find(0xb, 0)->edx, id);
        EXPECT_EQ(set.find(0xb, 1)->edx, id);
        EXPECT_EQ(set.find(0x8000001e)->eax, id);
    }
}

TEST(Leaves, onlyApicIdsDifferBetweenVcpus) {
    const CpuidPolicy policy = policy_of("EPYC", false);
    auto a = leaves_for(policy, kTwoByThreeByTwo, 0), b = leaves_for(policy, kTwoByThreeByTwo, 7);
    ASSERT_EQ(a.size(), b.size());
    std::set<uint32_t> differing;
    for (size_t i = 0; i < a.size(); i++)
        if (a[i] != b[i]) differing.insert(a[i].function);
    EXPECT_EQ(differing, (std::set<uint32_t>{1, 0xb, 0x8000001e}));
}

TEST(Leaves, topologyLevels) {
    const CpuidSet set = leaves_of("Haswell", true, kTwoByThreeByTwo);
    EXPECT_EQ(set.find(0xb, 0)->eax, 1u);
    EXPECT_EQ(set.find(0xb, 0)->ebx, 2u);
    EXPECT_EQ(set.find(0xb, 0)->ecx, 0x100u);
    EXPECT_EQ(set.find(0xb, 1)->eax, 3u);
    EXPECT_EQ(set.find(0xb, 1)->ebx, 6u);
    EXPECT_EQ(set.find(0xb, 1)->ecx, 0x201u);
    EXPECT_EQ(set.find(0xb, 2)->ecx, 2u);
    EXPECT_EQ(set.find(0x1f), nullptr);
    EXPECT_EQ(leaves_of("Haswell,cpuid-0xb=off", true).find(0xb), nullptr);
}

TEST(Leaves, diesAppearInLeaf1f) {
    const CpuTopology topology{.sockets = 1, .dies = 2, .cores = 4, .threads = 1};
    const CpuidSet set = leaves_of("Skylake-Server", true, topology, 5);
    EXPECT_EQ(set.find(0)->eax, 0x1fu);
    EXPECT_EQ(set.find(0x1f, 1)->eax, 2u);
    EXPECT_EQ(set.find(0x1f, 1)->ebx, 4u);
    EXPECT_EQ(set.find(0x1f, 2)->eax, 3u);
    EXPECT_EQ(set.find(0x1f, 2)->ecx, 0x502u);
    EXPECT_EQ(set.find(0x1f, 2)->edx, 5u);
    EXPECT_EQ(set.find(0x1f, 3)->ecx, 3u);
}

TEST(Leaves, htAndCmpLegacyOnlyWithSeveralCpus) {
    EXPECT_EQ(leaves_of("EPYC", false).find(1)->edx >> 28 & 1, 0u);
    EXPECT_EQ(leaves_of("EPYC", false).find(0x80000001)->ecx >> 1 & 1, 0u);
    EXPECT_EQ(leaves_of("EPYC", false, kTwoByThreeByTwo).find(1)->edx >> 28 & 1, 1u);
    EXPECT_EQ(leaves_of("EPYC", false, kTwoByThreeByTwo).find(0x80000001)->ecx >> 1 & 1, 1u);
    EXPECT_EQ(leaves_of("Haswell", true, kTwoByThreeByTwo).find(0x80000001)->ecx >> 1 & 1, 0u);
}

TEST(Leaves, widthsAndCoreCount) {
    const CpuidSet set = leaves_of("EPYC,phys-bits=46", false, kTwoByThreeByTwo);
    EXPECT_EQ(set.find(0x80000008)->eax, 48u << 8 | 46u);
    EXPECT_EQ(set.find(0x80000008)->ecx, 3u << 12 | 5u);
    EXPECT_EQ(leaves_of("EPYC-Genoa", false).find(0x80000008)->eax, 57u << 8 | 40u);
    EXPECT_EQ(leaves_of("Haswell", true, kTwoByThreeByTwo).find(0x80000008)->ecx, 0u);
}

TEST(Leaves, nodeIdsCountAllDies) {
    const CpuTopology topology{.sockets = 2, .dies = 2, .cores = 2, .threads = 1};
    EXPECT_EQ(leaves_of("EPYC", false, topology, 7).find(0x8000001e)->ecx, 1u << 8 | 3u);
    EXPECT_EQ(leaves_of("EPYC", false, topology, 7).find(0x8000001e)->ebx, 3u);
}

TEST(Leaves, intelCaches) {
    const CpuidSet set = leaves_of("Skylake-Server", true, kTwoByThreeByTwo);
    // 32 KiB, 8 ways of 64 sets; shared by two threads; four core ids a package.
    EXPECT_EQ(set.find(4, 0)->eax, 3u << 26 | 1u << 14 | 0x121u);
    EXPECT_EQ(set.find(4, 0)->ebx, 0x01c0003fu);
    EXPECT_EQ(set.find(4, 0)->ecx, 63u);
    EXPECT_EQ(set.find(4, 3)->eax, 3u << 26 | 7u << 14 | 0x163u);
    EXPECT_EQ(set.find(4, 4)->eax, 0u);
    EXPECT_EQ(leaves_of("Skylake-Server,l3-cache=off", true).find(4, 3)->eax, 0u);
    EXPECT_EQ(leaves_of("EPYC", false).find(4), nullptr);
}

TEST(Leaves, amdCaches) {
    const CpuidSet set = leaves_of("EPYC-Genoa", false, kTwoByThreeByTwo);
    EXPECT_EQ(set.find(0x80000005)->ecx, 0x20080140u);
    EXPECT_EQ(set.find(0x80000006)->ecx, 0x04006140u);  // 1 MiB
    EXPECT_EQ(set.find(0x80000006)->edx, 0x01008140u);  // 32 MiB in units of 512 KiB
    EXPECT_EQ(set.find(0x8000001d, 0)->eax, 1u << 14 | 0x121u);
    EXPECT_EQ(set.find(0x8000001d, 3)->eax, 5u << 14 | 0x163u);
    EXPECT_EQ(set.find(0x8000001d, 4)->eax, 0u);
    EXPECT_EQ(leaves_of("EPYC,-topoext", false).find(0x8000001d), nullptr);
    EXPECT_EQ(leaves_of("EPYC,-topoext", false).find(0x8000001e), nullptr);
}

TEST(Leaves, xsaveSizes) {
    const CpuidSet set = leaves_of("EPYC-Genoa", false);
    EXPECT_EQ(set.find(0xd, 0)->eax, 0x2e7u);
    EXPECT_EQ(set.find(0xd, 0)->ecx, 0xa88u);
    EXPECT_EQ(set.find(0xd, 1)->eax, 0xfu);
    EXPECT_EQ(set.find(0xd, 1)->ebx, 0x240u + 0x100 + 0x40 + 0x200 + 0x400 + 8);
    EXPECT_EQ(set.find(0xd, 2)->ebx, 0x240u);
    EXPECT_EQ(set.find(0xd, 9)->eax, 8u);
    EXPECT_EQ(set.find(0xd, 3), nullptr);
    EXPECT_EQ(leaves_of("Nehalem", true).find(0xd), nullptr);
}

TEST(Leaves, subLeavesOfSeven) {
    EXPECT_EQ(leaves_of("Haswell", true).find(7, 0)->eax, 0u);
    EXPECT_EQ(leaves_of("EPYC-Genoa", false).find(7, 0)->eax, 1u);
    EXPECT_EQ(leaves_of("EPYC-Genoa", false).find(7, 1)->eax, 0x20u);
    EXPECT_EQ(leaves_of("Haswell,+bhi-ctrl", true).find(7, 0)->eax, 2u);
    EXPECT_EQ(leaves_of("pentium3", true).find(7), nullptr) << "beyond the highest leaf";
}

TEST(Leaves, kvmLeaves) {
    const CpuidSet set = leaves_of("Haswell,+kvm-pv-unhalt,kvm-hint-dedicated", true);
    const CpuidEntry* signature = set.find(0x40000000);
    EXPECT_EQ(text_of({signature->ebx, signature->ecx, signature->edx}), "KVMKVMKVM");
    EXPECT_EQ(signature->eax, 0x40000001u);
    EXPECT_EQ(set.find(0x40000001)->eax, 0x010000fbu);
    EXPECT_EQ(set.find(0x40000001)->edx, 1u);
    EXPECT_EQ(leaves_of("Haswell,kvm=off", true).find(0x40000000), nullptr);
}

TEST(Leaves, fixedTscIsTold) {
    const CpuidSet set = leaves_of("Haswell,tsc-frequency=2500000000", true);
    EXPECT_EQ(set.find(0x40000000)->eax, 0x40000010u);
    EXPECT_EQ(set.find(0x40000010)->eax, 2500000u);
    EXPECT_EQ(leaves_of("Haswell,tsc-frequency=2500000000,vmware-cpuid-freq=off", true).find(0x40000010),
              nullptr);
}

TEST(Leaves, amdRepeatsLeafOne) {
    const CpuidSet set = leaves_of("EPYC", false);
    EXPECT_EQ(set.find(0x80000001)->edx & 0x0183f3ff, set.find(1)->edx & 0x0183f3ff);
    EXPECT_EQ(leaves_of("Haswell", true).find(0x80000001)->edx & 0x0183f3ff, 0u);
}

TEST(Leaves, sortedUniqueAndInRangeForEveryModel) {
    for (const CpuModelRow* row : cpu_model_rows())
        for (bool intel : {true, false}) {
            const CpuidPolicy policy = policy_of(row->name, intel);
            const auto leaves = leaves_for(policy, kTwoByThreeByTwo, 3);
            for (size_t i = 0; i < leaves.size(); i++) {
                const CpuidEntry& leaf = leaves[i];
                if (leaf.function < 0x40000000) {
                    EXPECT_LE(leaf.function, leaves[0].eax) << row->name;
                }
                if (leaf.function >= 0x80000000) {
                    EXPECT_LE(leaf.function, policy.xlevel) << row->name;
                }
                if (i == 0) continue;
                const CpuidEntry& before = leaves[i - 1];
                EXPECT_TRUE(before.function < leaf.function ||
                            (before.function == leaf.function && before.index < leaf.index))
                    << row->name;
            }
        }
}

}  // namespace
}  // namespace vmm
