// The parser of IGVM files: what is right in a right file, and a table of wrong ones, each of which has one
// telling line.
#include "target/i386/confidential/igvm/file.h"

#include <gtest/gtest.h>

#include <functional>

#include "tests/fakes/igvm_builder.h"

namespace vmm::igvm {
namespace {

using fakes::IgvmBuilder;
using Bytes = IgvmBuilder::Bytes;

IgvmBuilder good() {
    IgvmBuilder file;
    file.platform(1, 2).platform(2, 0);
    file.header(HeaderType::GuestPolicy, IgvmBuilder::body(uint64_t{0x30000}, uint32_t{1}, uint32_t{0}));
    file.area(4096, 0).parameter(HeaderType::VpCount, 0, 16).insert(0x8000, 0, 3);
    file.page(0x1000, 0x11, 0, 0, 3).page(0x2000, -1).page(0x200000, 0x22, 0, kPage2MiB | kPageUnmeasured);
    file.page(0x3000, -1, 1).page(0x4000, -1, 2);
    file.header(HeaderType::RequiredMemory, IgvmBuilder::body(uint64_t{0x100000}, uint32_t{1},
                                                              uint32_t{0x10000}, uint32_t{1}, uint32_t{0}));
    file.header(HeaderType::ErrorRange, IgvmBuilder::body(uint64_t{0x5000}, uint32_t{1}, uint32_t{0x1000}));
    file.context(0xfffffffff000, Bytes(4096, 0x33));
    return file;
}

TEST(IgvmFile, everyHeaderOfAGoodFileIsRead) {
    for (uint32_t version : {1u, 2u}) {
        IgvmBuilder builder = good();
        builder.version = version;
        const Bytes bytes = builder.build();
        auto file = parse(bytes);
        ASSERT_TRUE(file) << file.error().message();
        EXPECT_EQ(file->version, version);
        ASSERT_EQ(file->platforms.size(), 2u);
        EXPECT_EQ(file->find(PlatformType::Snp)->mask, 1u);
        EXPECT_EQ(file->find(PlatformType::Native)->mask, 2u);
        EXPECT_EQ(file->find(PlatformType::Tdx), nullptr);
        ASSERT_EQ(file->policies.size(), 1u);
        EXPECT_EQ(file->policies[0].policy, 0x30000u);
        ASSERT_EQ(file->directives.size(), 11u);
        const auto& page = std::get<PageData>(file->directives[3]);
        EXPECT_EQ(page.gpa, 0x1000u);
        EXPECT_EQ(page.mask, 3u);
        ASSERT_EQ(page.data.size(), 4096u);
        EXPECT_EQ(page.data[4095], 0x11);
        EXPECT_TRUE(std::get<PageData>(file->directives[4]).data.empty());
        const auto& large = std::get<PageData>(file->directives[5]);
        EXPECT_EQ(large.size, kLargePage);
        EXPECT_TRUE(large.unmeasured);
        EXPECT_EQ(large.data.back(), 0x22);
        EXPECT_EQ(std::get<PageData>(file->directives[6]).type, PageType::Secrets);
        EXPECT_TRUE(std::get<RequiredMemory>(file->directives[8]).vtl2_protectable);
        EXPECT_EQ(std::get<ErrorRange>(file->directives[9]).size, 0x1000u);
        const auto& context = std::get<VpContext>(file->directives[10]);
        EXPECT_EQ(context.data.size(), 4096u);
        EXPECT_EQ(context.data[0], 0x33);
    }
}

TEST(IgvmFile, unknownHeadersMayBeSkippedWhenTheySaySo) {
    EXPECT_TRUE(parse(IgvmBuilder().platform(1, 0).raw_header(kMayBeSkipped | 0x3f0, Bytes(13)).build()));
    EXPECT_FALSE(parse(IgvmBuilder().platform(1, 0).raw_header(0x3f0, Bytes(13)).build()));
}

struct BadFile {
    const char* error;  // part of it
    std::function<Bytes()> make;
};

Bytes changed(const std::function<void(Bytes&)>& change) {
    Bytes bytes = good().build();
    change(bytes);
    IgvmBuilder::seal(bytes);
    return bytes;
}
Bytes with(uint32_t offset, uint32_t value) {
    return changed([&](Bytes& b) { store_le<uint32_t>(&b[offset], value); });
}
IgvmBuilder one() {
    return IgvmBuilder().platform(1, 0);
}
template <typename... Numbers>
Bytes headed(HeaderType type, Numbers... numbers) {
    return one().header(type, IgvmBuilder::body(numbers...)).build();
}
constexpr uint32_t k1 = 1, k0 = 0, kPageBytes = 4096;
constexpr uint16_t h0 = 0;

const BadFile kBadFiles[] = {
    {"not an IGVM file", [] { return Bytes(); }},
    {"not an IGVM file", [] { return Bytes(23, 'x'); }},
    {"not an IGVM file", [] { return with(0, 0x12345678); }},
    {"version 3", [] { return with(4, 3); }},
    {"version 0", [] { return with(4, 0); }},
    {"not behind the fixed one", [] { return with(8, 32); }},
    {"not behind the fixed one", [] { return with(8, 0xfffffff8); }},
    {"not behind the fixed one", [] { return with(12, 0x7ffffff8); }},
    {"not behind the fixed one", [] { return with(12, 12); }},
    {"says that it has", [] { return with(16, 100); }},
    {"says that it has", [] { return changed([](Bytes& b) { b.pop_back(); }); }},
    {"says that it has", [] { return changed([](Bytes& b) { b.resize(64); }); }},
    {"the checksum",
     [] {
         Bytes bytes = good().build();
         bytes[30] ^= 1;
         return bytes;
     }},
    {"fixed header",
     [] {
         Bytes bytes = IgvmBuilder::body(kMagic, uint32_t{2}, uint32_t{32}, k0, uint32_t{24}, k0);
         return bytes;
     }},
    {"not for x86-64",
     [] {
         IgvmBuilder b = good();
         b.version = 2;
         b.architecture = 1;
         return b.build();
     }},
    {"16384 bytes, not 4096",
     [] {
         IgvmBuilder b = good();
         b.version = 2;
         b.page_size = 16384;
         return b.build();
     }},
    {"no platform", [] { return IgvmBuilder().build(); }},
    {"longer than what is left", [] { return with(24 + 4, 0x10000000); }},
    {"longer than what is left", [] { return with(24 + 4, 0xffffffff); }},
    {"type is not known", [] { return with(24, 0x2ff); }},
    {"comes too late", [] { return one().area(4096, 0).platform(2, 1).build(); }},
    {"comes too late",
     [] {
         return one()
             .area(4096, 0)
             .header(HeaderType::GuestPolicy, IgvmBuilder::body(uint64_t{0}, k1, k0))
             .build();
     }},
    {"is not one bit", [] { return IgvmBuilder().platform(3, 0).build(); }},
    {"is not one bit", [] { return IgvmBuilder().platform(0, 0).build(); }},
    {"is taken", [] { return one().platform(1, 2).build(); }},
    {"there twice", [] { return one().platform(2, 0).build(); }},
    {"has 12 bytes, not 16", [] { return IgvmBuilder().raw_header(1, Bytes(12)).build(); }},
    {"names platforms", [] { return one().page(0x1000, 1, 0, 0, 2).build(); }},
    {"names platforms", [] { return one().page(0x1000, 1, 0, 0, 0).build(); }},
    {"names platforms", [] { return one().insert(0x1000, 0, 4).build(); }},
    {"two policies",
     [] {
         return one()
             .header(HeaderType::GuestPolicy, IgvmBuilder::body(uint64_t{0}, k1, k0))
             .header(HeaderType::GuestPolicy, IgvmBuilder::body(uint64_t{0}, k1, k0))
             .build();
     }},
    {"not that of a page", [] { return one().page(0x1001, 1).build(); }},
    {"page of 2 MiB", [] { return one().page(0x1000, -1, 0, kPage2MiB).build(); }},
    {"flags 0x10", [] { return one().page(0x1000, 1, 0, 0x10).build(); }},
    {"type 9", [] { return one().page(0x1000, 1, 9).build(); }},
    {"contents or flags", [] { return one().page(0x1000, 1, 1).build(); }},
    {"contents or flags", [] { return one().page(0x1000, -1, 2, kPageUnmeasured).build(); }},
    {"not in the file's data",
     [] { return headed(HeaderType::PageData, uint64_t{0x1000}, k1, uint32_t{0x7fffffff}, k0, h0, h0); }},
    {"not in the file's data",
     [] { return headed(HeaderType::PageData, uint64_t{0x1000}, k1, uint32_t{24}, k0, h0, h0); }},
    {"not a number of pages", [] { return one().area(0, 0).build(); }},
    {"not a number of pages", [] { return one().area(100, 0).build(); }},
    {"more than 64 MiB", [] { return one().area(uint64_t{1} << 40, 0).build(); }},
    {"more than 64 MiB", [] { return one().area(40 * kMiB, 0).area(40 * kMiB, 1).build(); }},
    {"has no data", [] { return headed(HeaderType::VpContext, uint64_t{0}, k1, k0, h0, h0); }},
    {"not in the file's data",
     [] { return headed(HeaderType::VpContext, uint64_t{0}, k1, uint32_t{0xfffff000}, h0, h0); }},
    {"not a number of pages",
     [] { return headed(HeaderType::RequiredMemory, uint64_t{0}, k1, uint32_t{5}, k0, k0); }},
    {"does not end",
     [] { return headed(HeaderType::RequiredMemory, ~uint64_t{4095}, k1, uint32_t{8192}, k0, k0); }},
    {"not that of a page", [] { return headed(HeaderType::ErrorRange, uint64_t{1}, k1, kPageBytes); }},
    {"has 4 bytes, not 8", [] { return one().raw_header(0x307, Bytes(4)).build(); }},
    {"has 8 bytes, not 696", [] { return one().raw_header(0x30b, Bytes(8)).build(); }},
    {"neither on nor off",
     [] {
         Bytes block(696);
         block[0] = 1;
         block[4] = 2;
         return one().raw_header(0x30b, block).build();
     }},
};

TEST(IgvmFile, everyBadFileHasOneTellingLine) {
    size_t row = 0;
    for (const BadFile& bad : kBadFiles) {
        SCOPED_TRACE(row++);
        const Bytes bytes = bad.make();
        auto file = parse(bytes);
        ASSERT_FALSE(file) << bad.error;
        EXPECT_NE(file.error().message().find(bad.error), std::string::npos) << file.error().message();
        EXPECT_EQ(file.error().message().find('\n'), std::string::npos);
    }
}

// Whatever one wrong word does, the parser answers.
TEST(IgvmFile, aFileWithAnyWordOfItsHeadersChangedIsAnswered) {
    const Bytes bytes = good().build();
    const uint32_t end = 24 + load_le<uint32_t>(&bytes[12]);
    for (uint32_t at = 0; at + 4 <= end; at += 4) {
        for (uint32_t value : {0u, 1u, 0xffffffffu, 0x7ffffff8u, 0x80000000u, 4095u}) {
            Bytes wrong = bytes;
            store_le<uint32_t>(&wrong[at], value);
            IgvmBuilder::seal(wrong);
            (void)static_cast<bool>(parse(wrong));
        }
    }
}

}  // namespace
}  // namespace vmm::igvm
