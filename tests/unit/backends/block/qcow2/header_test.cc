// Headers, entries and refcount fields by themselves.
#include "backends/block/qcow2/header.h"

#include <gtest/gtest.h>

#include <random>

#include "backends/block/qcow2/entries.h"
#include "backends/block/qcow2/refcount_field.h"
#include "util/endian.h"

namespace vmm::qcow2 {
namespace {

std::vector<uint8_t> good_header(uint32_t version = 3) {
    Header h;
    h.geometry.version = version;
    h.geometry.cluster_bits = 12;
    h.size = 1 << 20;
    h.l1_size = 1;
    h.l1_offset = 3 * 4096;
    h.refcount_table_offset = 4096;
    h.refcount_table_clusters = 1;
    h.backing_file = "base.img";
    h.backing_format = "raw";
    auto built = build_header(h);
    EXPECT_TRUE(built);
    built->resize(4096);
    return *built;
}

std::string refusal(std::vector<uint8_t> bytes) {
    auto parsed = parse_header(bytes, 1 << 20);
    return parsed ? "accepted" : parsed.error().text();
}

TEST(Header, isReadAsItWasBuilt) {
    for (uint32_t version : {2u, 3u}) {
        auto parsed = parse_header(good_header(version), 1 << 20);
        ASSERT_TRUE(parsed) << parsed.error().text();
        EXPECT_EQ(parsed->geometry.version, version);
        EXPECT_EQ(parsed->size, 1u << 20);
        EXPECT_EQ(parsed->l1_offset, 3u * 4096);
        EXPECT_EQ(parsed->backing_file, "base.img");
        EXPECT_EQ(parsed->backing_format, "raw");
        EXPECT_EQ(parsed->feature_names.empty(), version == 2);
    }
}

TEST(Header, unknownFeaturesAreNamedByTheImage) {
    std::vector<uint8_t> bytes = good_header();
    bytes[72] = 0x80;  // bit 63
    EXPECT_EQ(refusal(bytes), "Unsupported qcow2 feature(s): bit 63");
    // Give it a name: over "dirty bit" in the table of names.
    std::string text(bytes.begin(), bytes.end());
    size_t at = text.find("dirty bit");
    ASSERT_NE(at, std::string::npos);
    bytes[at - 1] = 63;
    std::copy_n("time \x1btravel", 12, bytes.begin() + static_cast<ptrdiff_t>(at));
    EXPECT_EQ(refusal(bytes), "Unsupported qcow2 feature(s): time ?travel");
    bytes = good_header();
    bytes[79] = kExternalDataBit;
    EXPECT_EQ(refusal(bytes), "Unsupported qcow2 feature(s): external data file");
    bytes[79] = kExtendedL2Bit;
    EXPECT_EQ(refusal(bytes), "extended L2 entries need clusters of 16 KiB or more");
}

TEST(Header, whatCannotBeIsRefused) {
    struct Case {
        size_t at;
        uint32_t value;
        const char* says;
    };
    const Case kCases[] = {
        {0, 0, "not in qcow2 format"},
        {4, 1, "Unsupported qcow2 version 1"},
        {4, 4, "Unsupported qcow2 version 4"},
        {20, 8, "Unsupported cluster size"},
        {20, 22, "Unsupported cluster size"},
        {20, 0xffffffff, "Unsupported cluster size"},
        {16, 1024, "backing file's name is too long"},
        {12, 5000, "offset is invalid"},
        {32, 1, "AES"},
        {32, 2, "LUKS"},
        {32, 3, "unknown encryption"},
        {36, 0, "too small for a disk"},
        {36, 0xffffffff, "too large"},
        {44, 513, "L1 table's offset"},
        {40, 1, "past the end"},
        {52, 0, "refcount table's offset"},
        {56, 0, "no refcount table"},
        {56, 0xffff, "refcount table is too large"},
        {60, 65537, "too many"},
        {60, 1, "snapshot table"},
        {24, 0x80000000, "too large"},
        {96, 7, "Reference count entry width"},
        {100, 96, "header's length"},
        {100, 5000, "header's length"},
        {116, 0xfffff, "header extension"},
    };
    for (const Case& one : kCases) {
        std::vector<uint8_t> bytes = good_header();
        store_be<uint32_t>(&bytes[one.at], one.value);
        if (one.at == 20 && refusal(bytes).find("cluster size") == std::string::npos) continue;
        EXPECT_NE(refusal(bytes).find(one.says), std::string::npos) << one.at << ": " << refusal(bytes);
    }
    std::vector<uint8_t> bytes = good_header();
    bytes[104] = 1;
    EXPECT_NE(refusal(bytes).find("feature bit disagree"), std::string::npos);
    bytes[79] = kCompressionTypeBit;
    EXPECT_EQ(refusal(bytes), "accepted");
}

TEST(Header, takesAnotherBackingFileAndKeepsTheRest) {
    Header h;
    h.geometry = {3, 16, 4, false};
    h.size = 1 << 20;
    h.l1_size = 1;
    h.l1_offset = 3 << 16;
    h.refcount_table_offset = 1 << 16;
    h.refcount_table_clusters = 1;
    h.backing_file = "base";
    h.backing_format = "raw";
    auto built = build_header(h);
    ASSERT_TRUE(built);
    built->resize(h.geometry.cluster_size());
    for (const std::string& name : {std::string("another one, with a longer name"), std::string()}) {
        auto changed = with_backing_name(*built, h.geometry, name, "qcow2");
        ASSERT_TRUE(changed);
        auto parsed = parse_header(*changed, 4 << 16);
        ASSERT_TRUE(parsed) << parsed.error().message();
        EXPECT_EQ(parsed->backing_file, name);
        EXPECT_EQ(parsed->backing_format, name.empty() ? "" : "qcow2");
        EXPECT_EQ(parsed->feature_names.size(), parse_header(*built, 4 << 16)->feature_names.size());
        EXPECT_EQ(parsed->l1_offset, h.l1_offset);
        built = std::move(changed);
    }
    EXPECT_FALSE(with_backing_name(*built, h.geometry, std::string(1024, 'x'), ""));
}

TEST(Entries, sayWhatTheyAre) {
    Geometry g;
    g.cluster_bits = 16;
    Geometry v2 = g;
    v2.version = 2;
    EXPECT_EQ(kind_of(0, g), ClusterKind::Unallocated);
    EXPECT_EQ(kind_of(1, g), ClusterKind::Zero);
    EXPECT_EQ(kind_of(1, v2), ClusterKind::Invalid);
    EXPECT_EQ(kind_of(0x50000 | kCopied, g), ClusterKind::Data);
    EXPECT_EQ(kind_of(0x50001 | kCopied, g), ClusterKind::ZeroAllocated);
    EXPECT_EQ(kind_of(0x50200, g), ClusterKind::Invalid);  // not a cluster's start
    EXPECT_EQ(kind_of(kCopied, g), ClusterKind::Invalid);
    EXPECT_EQ(kind_of(0x50002, g), ClusterKind::Invalid);
    EXPECT_EQ(kind_of(kCompressed | 0x1234, g), ClusterKind::Compressed);
    EXPECT_EQ(kind_of(kCompressed | kCopied | 0x1234, g), ClusterKind::Invalid);
    CompressedExtent extent = compressed_extent(kCompressed | uint64_t{3} << 54 | 0x12345, g);
    EXPECT_EQ(extent.offset, 0x12345u);
    EXPECT_EQ(extent.bytes, 4 * 512u - 0x145);
}

TEST(RefcountField, holdsItsNeighboursStill) {
    std::mt19937_64 random(1);
    for (unsigned order = 0; order <= 6; ++order) {
        std::vector<uint8_t> block(512);
        uint64_t entries = 512 * 8 >> order;
        uint64_t mask = order == 6 ? ~uint64_t{0} : (uint64_t{1} << (1u << order)) - 1;
        std::vector<uint64_t> model(entries);
        for (int i = 0; i < 5000; ++i) {
            uint64_t index = random() % entries;
            model[index] = random() & mask;
            set_refcount_field(block.data(), index, order, model[index]);
        }
        for (uint64_t i = 0; i < entries; ++i)
            ASSERT_EQ(refcount_field(block.data(), i, order), model[i]) << order << " " << i;
    }
    // The specification's example of bit order: the first of sub-byte fields is the least significant.
    uint8_t byte = 0;
    set_refcount_field(&byte, 0, 1, 3);
    EXPECT_EQ(byte, 3);
}

}  // namespace
}  // namespace vmm::qcow2
