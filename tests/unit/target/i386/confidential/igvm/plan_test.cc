// What IGVM files do to a guest: order, parameters, contexts, places; and the two files that other tools
// read and measured (tests/golden/confidential).
#include "target/i386/confidential/igvm/plan.h"

#include <gtest/gtest.h>
#include <libfdt.h>

#include "target/i386/confidential/igvm/context.h"
#include "tests/fakes/igvm_builder.h"
#include "util/digest.h"
#include "util/fd.h"
#include "util/text.h"

namespace vmm::igvm {
namespace {

using fakes::IgvmBuilder;
using Bytes = IgvmBuilder::Bytes;

GuestFacts facts() {
    GuestFacts facts;
    facts.apic_ids = {0, 1, 8};
    facts.memory = {{0, 0xa0000, MemoryType::Memory},
                    {0xb0000000, 0x10000000, MemoryType::Reserved},
                    {uint64_t{4} << 30, uint64_t{1} << 30, MemoryType::Memory}};
    facts.mmio = {{0xc0000000, 0x20000000, MemoryType::Memory}};
    facts.command_line = "console=ttyS0";
    facts.madt = Bytes(44, 0x4d);
    return facts;
}

Result<Plan> plan_of(const Bytes& bytes, PlatformType type = PlatformType::Native) {
    const File file = TRY(parse(bytes));
    return make_plan(file, type, facts());
}

std::string error_of(const Bytes& bytes, PlatformType type = PlatformType::Native) {
    auto plan = plan_of(bytes, type);
    return plan ? "" : plan.error().message();
}

IgvmBuilder one() {
    return IgvmBuilder().platform(1, 0);
}

TEST(IgvmPlan, pagesOfOneKindThatTouchAreOneLoadInTheFilesOrder) {
    const Bytes bytes = IgvmBuilder()
                            .platform(1, 2)
                            .platform(2, 0)
                            .page(0x3000, 3)
                            .page(0x1000, 1, 0, 0, 3)
                            .page(0x2000, -1)
                            .page(0x4000, 4, 0, kPageUnmeasured)
                            .page(0x5000, 5, 0, kPageShared)
                            .page(0x6000, -1, 1)
                            .page(0x7000, -1, 3)
                            .build();
    auto plan = plan_of(bytes, PlatformType::Snp);
    ASSERT_TRUE(plan) << plan.error().message();
    ASSERT_EQ(plan->loads.size(), 6u);
    EXPECT_EQ(plan->loads[0].gpa, 0x3000u);
    EXPECT_EQ(plan->loads[1].gpa, 0x1000u);
    EXPECT_EQ(plan->loads[1].size, 0x2000u);
    EXPECT_EQ(plan->loads[1].contents[0xfff], 1);
    EXPECT_EQ(plan->loads[1].contents[0x1000], 0);
    const LoadKind kinds[] = {LoadKind::Normal, LoadKind::Normal,  LoadKind::Unmeasured,
                              LoadKind::Shared, LoadKind::Secrets, LoadKind::Cpuid};
    for (size_t i = 0; i < std::size(kinds); ++i)
        EXPECT_EQ(plan->loads[i].kind, kinds[i]) << i;
    EXPECT_TRUE(plan->loads[4].contents.empty());
    auto native = plan_of(bytes);
    ASSERT_TRUE(native);
    ASSERT_EQ(native->loads.size(), 1u);
    EXPECT_EQ(native->loads[0].gpa, 0x1000u);
}

TEST(IgvmPlan, parametersAreWrittenIntoTheirAreas) {
    auto plan = plan_of(one()
                            .area(8192, 7)
                            .parameter(HeaderType::VpCount, 7, 0)
                            .parameter(HeaderType::EnvironmentInfo, 7, 4)
                            .parameter(HeaderType::MemoryMap, 7, 0x10)
                            .parameter(HeaderType::MmioRanges, 7, 0x100)
                            .parameter(HeaderType::CommandLine, 7, 0x200)
                            .parameter(HeaderType::Madt, 7, 0x1000)
                            .insert(0x8000, 7)
                            .build());
    ASSERT_TRUE(plan) << plan.error().message();
    ASSERT_EQ(plan->loads.size(), 1u);
    EXPECT_EQ(plan->loads[0].kind, LoadKind::Unmeasured);
    EXPECT_EQ(plan->loads[0].gpa, 0x8000u);
    const Bytes& area = plan->loads[0].contents;
    ASSERT_EQ(area.size(), 8192u);
    auto u64 = [&](size_t at) { return load_le<uint64_t>(&area[at]); };
    EXPECT_EQ(load_le<uint32_t>(&area[0]), 3u);
    EXPECT_EQ(load_le<uint32_t>(&area[4]), 1u);
    EXPECT_EQ(u64(0x10), 0u);
    EXPECT_EQ(u64(0x18), 0xa0u);
    EXPECT_EQ(u64(0x28), 0xb0000u);
    EXPECT_EQ(load_le<uint16_t>(&area[0x38]), 1u);
    EXPECT_EQ(u64(0x40), 0x100000u);
    EXPECT_EQ(u64(0x48), 0x40000u);
    EXPECT_EQ(u64(0x60), 0u) << "the map has no end";
    EXPECT_EQ(u64(0x100), 0xc0000u);
    EXPECT_EQ(u64(0x108), 0x20000u);
    EXPECT_STREQ(reinterpret_cast<const char*>(&area[0x200]), "console=ttyS0");
    EXPECT_EQ(area[0x1000 + 43], 0x4d);
    EXPECT_EQ(area[0x1000 + 44], 0);
}

TEST(IgvmPlan, theDeviceTreeHasProcessorsMemoryAndTheCommandLine) {
    auto plan =
        plan_of(one().area(4096, 0).parameter(HeaderType::DeviceTree, 0, 0).insert(0x8000, 0).build());
    ASSERT_TRUE(plan) << plan.error().message();
    const void* tree = plan->loads[0].contents.data();
    ASSERT_EQ(fdt_check_full(tree, fdt_totalsize(tree)), 0);
    EXPECT_GE(fdt_path_offset(tree, "/cpus/cpu@8"), 0);
    EXPECT_LT(fdt_path_offset(tree, "/cpus/cpu@2"), 0);
    const int memory = fdt_path_offset(tree, "/memory@100000000");
    ASSERT_GE(memory, 0);
    int length = 0;
    const auto* reg = static_cast<const fdt64_t*>(fdt_getprop(tree, memory, "reg", &length));
    ASSERT_EQ(length, 16);
    EXPECT_EQ(fdt64_to_cpu(reg[1]), uint64_t{1} << 30);
    const int chosen = fdt_path_offset(tree, "/chosen");
    EXPECT_STREQ(static_cast<const char*>(fdt_getprop(tree, chosen, "bootargs", nullptr)), "console=ttyS0");
}

struct BadPlan {
    const char* error;
    PlatformType type;
    IgvmBuilder file;
};

TEST(IgvmPlan, everyBadFileHasOneTellingLine) {
    using enum PlatformType;
    const uint64_t kvm = 0xfffffffff000;
    IgvmBuilder snp = IgvmBuilder().platform(1, 2);
    const BadPlan rows[] = {
        {"it is for native, not for SEV-SNP", Snp, one()},
        {"loads 0x1000 twice", Native, one().page(0x1000, 1).page(0x1000, 2)},
        {"loads 0x2000 twice", Native, one().area(8192, 0).page(0x2000, 1).insert(0x1000, 0)},
        {"loads 0x201000 twice", Native, one().page(0x200000, -1, 0, kPage2MiB).page(0x201000, 1)},
        {"no parameter area 1", Native, one().area(4096, 0).insert(0x1000, 1)},
        {"no parameter area 0", Native, one().area(4096, 0).insert(0x1000, 0).insert(0x2000, 0)},
        {"no parameter area 0", Native, one().parameter(HeaderType::VpCount, 0, 0)},
        {"area 0 is there twice", Native, one().area(4096, 0).area(4096, 0)},
        {"room for 3", Native, one().area(4096, 0).parameter(HeaderType::VpCount, 0, 4093)},
        {"room for 0", Native, one().area(4096, 0).parameter(HeaderType::VpCount, 0, 0xffffffff)},
        {"room for 95", Native, one().area(4096, 0).parameter(HeaderType::MemoryMap, 0, 4001)},
        {"does not fit its area", Native, one().area(4096, 0).parameter(HeaderType::DeviceTree, 0, 3900)},
        {"no room for a device tree", Native, one().area(4096, 0).parameter(HeaderType::DeviceTree, 0, 4090)},
        {"the ACPI table SRAT", Native, one().area(4096, 0).parameter(HeaderType::Srat, 0, 0)},
        {"the ACPI table SLIT", Native, one().area(4096, 0).parameter(HeaderType::Slit, 0, 0)},
        {"parameter 0x310", Native, one().area(4096, 0).parameter(HeaderType::Pptt, 0, 0)},
        {"numbered 0 to 0", Snp, IgvmBuilder(snp).context(kvm, Bytes(4096), 1)},
        {"numbered 0 to 1", Snp, IgvmBuilder(snp).context(kvm, Bytes(4096)).context(kvm, Bytes(4096))},
        {"is at 0x1000", Snp, IgvmBuilder(snp).context(0x1000, Bytes(4096))},
        {"contexts for 4 processors", Snp,
         IgvmBuilder(snp)
             .context(kvm, Bytes(4096), 0)
             .context(kvm, Bytes(4096), 1)
             .context(kvm, Bytes(4096), 2)
             .context(kvm, Bytes(4096), 3)},
        {"does not end", Native, one().area(8192, 0).insert(0xfffffffffffff000, 0)},
    };
    for (const BadPlan& row : rows) {
        const std::string error = error_of(row.file.build(), row.type);
        EXPECT_NE(error.find(row.error), std::string::npos) << row.error << ": " << error;
        EXPECT_EQ(error.find('\n'), std::string::npos);
    }
}

TEST(IgvmPlan, theFirmwaresMemoryReachesDownToTheLowestPageBelow4Gib) {
    auto size = [](const IgvmBuilder& builder) {
        const Bytes bytes = builder.build();
        auto file = parse(bytes);
        CHECK(file, "%s", file.error().message().c_str());
        return firmware_size(*file, PlatformType::Native, 16 * kMiB);
    };
    EXPECT_EQ(size(one().page(0x1000, 1)), 0u);
    EXPECT_EQ(size(one().page(0xfffff000, 1)), 0x10000u);
    EXPECT_EQ(size(one().page(0xffeff000, 1).page(0xfffff000, 1).page(0x13ffff000, 1)), 0x110000u);
    EXPECT_EQ(size(one().page(0xff000000, 1)), 16 * kMiB);
    EXPECT_EQ(size(one().page(0xfefff000, 1)), 0u) << "below what a firmware can have";
    EXPECT_EQ(size(one().area(4096, 0).insert(0xfffe0000, 0)), 0x20000u);
    EXPECT_EQ(size(IgvmBuilder(one()).platform(2, 2).page(0xfffff000, 1, 0, 0, 2)), 0u)
        << "another platform's";
}

Bytes golden(const char* name) {
    auto bytes = read_file(std::string(GOLDEN_CONFIDENTIAL) + "/" + name, 1 << 20);
    CHECK(bytes, "%s", bytes.error().message().c_str());
    return std::move(*bytes);
}

TEST(IgvmPlan, theNativeFileGivesThePagesAndRegistersThatRanElsewhere) {
    const Bytes bytes = golden("native.igvm");
    auto plan = plan_of(bytes);
    ASSERT_TRUE(plan) << plan.error().message();
    ASSERT_EQ(plan->loads.size(), 3u);
    EXPECT_EQ(plan->loads[0].gpa, 0x8000u);
    EXPECT_EQ(load_le<uint32_t>(plan->loads[0].contents.data()), 3u);
    EXPECT_EQ(load_le<uint64_t>(&plan->loads[0].contents[0x18]), 0xa0u);
    EXPECT_EQ(plan->loads[1].gpa, 0x2000u);
    EXPECT_EQ(plan->loads[1].size, 0x3000u);
    EXPECT_EQ(plan->loads[2].gpa, 0x100000u);
    ASSERT_EQ(plan->contexts.size(), 1u);
    auto state = native_context(plan->contexts[0]);
    ASSERT_TRUE(state);
    EXPECT_EQ(state->rip, 0x100000u);
    EXPECT_EQ(state->rsp, 0x8000u);
    EXPECT_EQ(state->cr0, 0x80000031u);
    EXPECT_EQ(state->cr3, 0x2000u);
    EXPECT_EQ(state->cr4, 0x20u);
    EXPECT_EQ(state->efer, 0x500u);
    EXPECT_EQ(state->code.selector, 8u);
    EXPECT_EQ(state->code.attributes, 0xa09bu);
    EXPECT_EQ(state->data_segments->gs.attributes, 0xc093u);
}

// The launch digest's chain over the plan (SEV-SNP Firmware ABI 8.17.2), with KVM's context page last.
TEST(IgvmPlan, theSnpFileMeasuresToWhatOtherToolsSay) {
    const Bytes bytes = golden("snp.igvm");
    auto plan = plan_of(bytes, PlatformType::Snp);
    ASSERT_TRUE(plan) << plan.error().message();
    EXPECT_EQ(plan->policy, 0x30000u);
    Sha384Digest chain{};
    auto add = [&](uint8_t type, uint64_t gpa, const uint8_t* page) {
        uint8_t info[0x70] = {};
        std::copy(chain.begin(), chain.end(), info);
        if (page != nullptr) {
            const Sha384Digest contents = sha384(std::span(page, kPageSize));
            std::copy(contents.begin(), contents.end(), info + 48);
        }
        store_le<uint16_t>(&info[0x60], 0x70);
        info[0x62] = type;
        store_le<uint64_t>(&info[0x68], gpa);
        chain = sha384(info);
    };
    constexpr uint8_t kNormal = 1, kContext = 2, kUnmeasured = 4, kSecrets = 5, kCpuid = 6;
    for (const Load& load : plan->loads) {
        for (uint64_t at = 0; at < load.size; at += kPageSize) {
            if (load.kind == LoadKind::Normal)
                add(kNormal, load.gpa + at, &load.contents[at]);
            else
                add(load.kind == LoadKind::Secrets ? kSecrets
                    : load.kind == LoadKind::Cpuid ? kCpuid
                                                   : kUnmeasured,
                    load.gpa + at, nullptr);
        }
    }
    ASSERT_EQ(plan->contexts.size(), 1u);
    add(kContext, 0xfffffffff000, plan->contexts[0].data.data());
    std::string hex;
    for (uint8_t byte : chain)
        hex += strf("%02x", byte);
    EXPECT_EQ(
        hex,
        "d62109bff4c3df8f4e2edc491e343735154b0a24a8ba2b76f4a9d0ffda4875d669c36465dd4bcdb14bff775712acf322");
}

TEST(IgvmContext, theVmsaOfTheSnpFileIsAResetState) {
    const Bytes bytes = golden("snp.igvm");
    auto plan = plan_of(bytes, PlatformType::Snp);
    ASSERT_TRUE(plan);
    auto context = vmsa_context(plan->contexts[0]);
    ASSERT_TRUE(context) << context.error().message();
    EXPECT_EQ(context->sev_features, 1u);
    const BootState& state = context->state;
    EXPECT_EQ(state.rip, 0xfff0u);
    EXPECT_EQ(state.code.base, 0xffff0000u);
    EXPECT_EQ(state.code.attributes, 0x9bu);
    EXPECT_EQ(state.rdx, 0x800f12u);
    EXPECT_EQ(state.efer, 0u);
    EXPECT_EQ(state.cr4, 0u);
    EXPECT_EQ(state.cr0, 0x10u);
    EXPECT_EQ(state.task.attributes, 0x8bu);
    EXPECT_EQ(state.local->attributes, 0x82u);
}

TEST(IgvmContext, whatKvmCannotSetIsRefusedByItsPlace) {
    Bytes page = golden("snp.igvm");
    page.erase(page.begin(), page.end() - 4096);
    for (size_t at : {0x140u, 0x200u, 0x2e8u, 0x3c8u, 0xfffu, 0x670u}) {
        Bytes wrong = page;
        wrong[at] = 1;
        auto context = vmsa_context({.data = wrong});
        ASSERT_FALSE(context) << at;
        EXPECT_NE(context.error().message().find(strf("byte 0x%zx", at)), std::string::npos);
    }
    for (size_t at : {0x160u, 0x168u, 0x268u, 0x3e8u, 0x408u, 0x410u}) {
        Bytes wrong = page;
        wrong[at] ^= 2;
        EXPECT_FALSE(vmsa_context({.data = wrong})) << at;
    }
    EXPECT_FALSE(vmsa_context({.data = std::span(page).first(100)}));
    EXPECT_FALSE(native_context({.data = std::span(page).first(100)}));
}

TEST(IgvmIdBlock, theFilesPartsAreWhereTheFirmwareWantsThem) {
    Bytes body(688);
    for (size_t i = 0; i < body.size(); ++i)
        body[i] = static_cast<uint8_t>(i * 7 + i / 256);
    SnpIdPages pages = snp_id_pages({.mask = 1, .author_key = true, .body = body}, 0x30000);
    ASSERT_EQ(pages.block.size(), 96u);
    EXPECT_TRUE(std::equal(pages.block.begin(), pages.block.begin() + 88, body.begin()));
    EXPECT_EQ(load_le<uint64_t>(&pages.block[88]), 0x30000u);
    const Bytes& to = pages.authentication;
    ASSERT_EQ(to.size(), 4096u);
    auto same = [&](size_t at, size_t from, size_t size) {
        return std::equal(to.begin() + static_cast<ptrdiff_t>(at),
                          to.begin() + static_cast<ptrdiff_t>(at + size),
                          body.begin() + static_cast<ptrdiff_t>(from));
    };
    EXPECT_TRUE(same(0, 88, 8));
    EXPECT_TRUE(same(64, 96, 144));
    EXPECT_TRUE(same(576, 240, 4) && same(580, 248, 144));
    EXPECT_TRUE(same(1664, 392, 144));
    EXPECT_TRUE(same(2176, 536, 4) && same(2180, 544, 144));
    pages = snp_id_pages({.mask = 1, .author_key = false, .body = body}, 0);
    EXPECT_EQ(pages.authentication[1664], 0);
}

}  // namespace
}  // namespace vmm::igvm
