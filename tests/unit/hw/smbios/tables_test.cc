#include "hw/smbios/tables.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "util/align.h"
#include "util/endian.h"

namespace vmm::smbios {
namespace {

struct Parsed {
    std::vector<uint8_t> area;
    std::vector<std::string> strings;
};

// A walker written from the specification: areas by length, strings to the double zero.
std::multimap<unsigned, Parsed> parse(const std::vector<uint8_t>& t) {
    std::multimap<unsigned, Parsed> out;
    size_t at = 0;
    while (at + 4 <= t.size()) {
        Parsed p;
        const size_t length = t[at + 1];
        p.area.assign(t.begin() + at, t.begin() + at + length);
        size_t s = at + length;
        if (t[s] == 0) ++s;
        while (t[s] != 0) {
            std::string text;
            for (; t[s] != 0; ++s)
                text += static_cast<char>(t[s]);
            p.strings.push_back(text);
            ++s;
        }
        out.emplace(t[at], p);
        at = s + 1;
    }
    EXPECT_EQ(at, t.size());
    return out;
}

Image built(const Config& c) {
    Result<Image> image = build(c);
    EXPECT_TRUE(image);
    return image ? std::move(image).take_value() : Image();
}

std::string string_of(const Parsed& p, size_t at) {
    const unsigned number = p.area.at(at);
    return number == 0 ? "" : p.strings.at(number - 1);
}

Config sample() {
    Config c;
    c.settings.system.uuid = Uuid::parse("00112233-4455-6677-8899-aabbccddeeff").value();
    c.processors = {2, 4, 8, 0x663, 0x78bfbfd};
    c.ram_size = 20 * kGiB;
    c.regions = {{0, 2 * kGiB}, {4 * kGiB, 18 * kGiB}};
    return c;
}

unsigned total(const std::vector<uint8_t>& bytes, size_t from = 0) {
    unsigned sum = 0;
    for (size_t i = from; i < bytes.size(); ++i)
        sum += bytes[i];
    return sum & 0xff;
}

TEST(Smbios, Structures_areAllThereOnce) {
    const auto t = parse(built(sample()).tables);
    EXPECT_EQ(t.count(0), 0u);
    EXPECT_EQ(t.count(1), 1u);
    EXPECT_EQ(t.count(3), 1u);
    EXPECT_EQ(t.count(4), 2u);
    EXPECT_EQ(t.count(16), 1u);
    EXPECT_EQ(t.count(17), 2u);
    EXPECT_EQ(t.count(19), 2u);
    EXPECT_EQ(t.count(32), 1u);
    EXPECT_EQ(t.rbegin()->first, 127u);
}

TEST(Smbios, FormattedAreas_haveTheLengthOfTheirVersion) {
    Config c = sample();
    c.settings.bios = Bios{};
    const std::map<unsigned, size_t> v28 = {{0, 24},  {1, 27},  {3, 22},  {4, 42}, {16, 23},
                                            {17, 40}, {19, 31}, {32, 11}, {127, 4}};
    for (const auto& [type, s] : parse(built(c).tables))
        EXPECT_EQ(s.area.size(), v28.at(type)) << type;
    c.settings.entry_point = EntryPoint::V30;
    EXPECT_EQ(parse(built(c).tables).find(4)->second.area.size(), 48u);
}

TEST(Smbios, Uuid_firstFieldsAreLittleEndian) {
    const Parsed s = parse(built(sample()).tables).find(1)->second;
    const std::vector<uint8_t> uuid(s.area.begin() + 8, s.area.begin() + 24);
    EXPECT_EQ(uuid, (std::vector<uint8_t>{0x33, 0x22, 0x11, 0x00, 0x55, 0x44, 0x77, 0x66, 0x88, 0x99, 0xaa,
                                          0xbb, 0xcc, 0xdd, 0xee, 0xff}));
    EXPECT_EQ(s.strings.at(s.area[5] - 1), "Standard PC (Q35 + ICH9)");
}

TEST(Smbios, Dimms_addUpToRam) {
    const auto t = parse(built(sample()).tables);
    unsigned mib = 0;
    for (auto [i, end] = t.equal_range(17); i != end; ++i)
        mib += load_le<uint16_t>(&i->second.area[12]);
    EXPECT_EQ(mib, 20u * 1024);
}

TEST(Smbios, MemoryAboveFourTiB_usesExtendedFields) {
    Config c = sample();
    c.ram_size = 6 * kTiB;
    c.regions = {{4 * kGiB, 6 * kTiB}};
    const auto t = parse(built(c).tables);
    EXPECT_EQ(load_le<uint32_t>(&t.find(16)->second.area[7]), 0x80000000u);
    EXPECT_EQ(load_le<uint64_t>(&t.find(16)->second.area[15]), 6 * kTiB);
    EXPECT_EQ(load_le<uint32_t>(&t.find(19)->second.area[4]), 0xffffffffu);
    EXPECT_EQ(load_le<uint64_t>(&t.find(19)->second.area[23]), 6 * kTiB + 4 * kGiB - 1);
}

TEST(Smbios, ManyDimmsAndSockets_fitTheirFields) {
    Config c = sample();
    c.ram_size = 64 * kTiB;
    c.processors.sockets = 1024;
    const Image i = built(c);
    EXPECT_EQ(i.anchor.size(), 24u);
    const auto t = parse(i.tables);
    EXPECT_EQ(t.count(17), 64u);
    uint64_t mib = 0;
    for (auto [d, end] = t.equal_range(17); d != end; ++d)
        mib += load_le<uint32_t>(&d->second.area[28]);
    EXPECT_EQ(mib, 64 * kTiB / kMiB);
}

TEST(Smbios, Anchor_describesTheTables) {
    const Image i = built(sample());
    const std::vector<uint8_t> a = placed_anchor(i, 0xf1000);
    ASSERT_EQ(a.size(), 31u);
    EXPECT_EQ(total(a), 0u);
    EXPECT_EQ(total(a, 16), 0u);
    EXPECT_EQ(load_le<uint16_t>(&a[22]), i.tables.size());
    EXPECT_EQ(load_le<uint32_t>(&a[24]), 0xf1000u);
    EXPECT_EQ(load_le<uint16_t>(&a[28]), parse(i.tables).size());
}

TEST(Smbios, Anchor30_describesTheTables) {
    Config c = sample();
    c.settings.entry_point = EntryPoint::V30;
    const Image i = built(c);
    const std::vector<uint8_t> a = placed_anchor(i, 0x123456789a);
    ASSERT_EQ(a.size(), 24u);
    EXPECT_EQ(total(a), 0u);
    EXPECT_EQ(load_le<uint32_t>(&a[12]), i.tables.size());
    EXPECT_EQ(load_le<uint64_t>(&a[16]), 0x123456789aull);
}

TEST(Smbios, SettingsOfTheUser_areInTheirStructures) {
    Config c = sample();
    c.settings.bios =
        Bios{.vendor = "v", .version = "9", .date = "d", .release = std::pair(4, 7), .uefi = true};
    c.settings.system.serial = "S1";
    c.settings.baseboard = Baseboard{.product = "board", .serial = "B1", .asset = "A1", .location = "L1"};
    c.settings.chassis = {.serial = "C1", .asset = "C2", .sku = "C3"};
    c.settings.processor.id = 0x1122334455667788;
    c.settings.processor.socket_prefix = "SKT";
    c.settings.processor.max_mhz = 3100;
    c.settings.memory = {.locator_prefix = "SLOT", .bank = "bank", .part = "P1", .mhz = 3200};
    c.settings.ports.push_back({"in", "out", 8, 16});
    c.settings.slots.push_back({"J6", 0xa5, 8, 4, 3, 7, 1, 2, {"", 0, 0x18}});
    c.settings.onboard.push_back({"lan", 5, 2, {"", 0, 0x28}});
    c.settings.oem_strings = {"one", "two"};
    const auto t = parse(built(c).tables);
    const auto only = [&](unsigned type) { return t.find(type)->second; };
    EXPECT_EQ(string_of(only(0), 4), "v");
    EXPECT_EQ(only(0).area[0x13] & 8, 8);
    EXPECT_EQ(only(0).area[0x14], 4);
    EXPECT_EQ(only(0).area[0x15], 7);
    EXPECT_EQ(string_of(only(1), 7), "S1");
    EXPECT_EQ(string_of(only(2), 5), "board");
    EXPECT_EQ(string_of(only(2), 8), "A1");
    EXPECT_EQ(string_of(only(2), 10), "L1");
    EXPECT_EQ(load_le<uint16_t>(&only(2).area[11]), 0x300);
    EXPECT_EQ(only(2).area.size(), 15u);
    EXPECT_EQ(string_of(only(3), 7), "C1");
    EXPECT_EQ(string_of(only(3), 8), "C2");
    EXPECT_EQ(string_of(only(3), 21), "C3");
    EXPECT_EQ(string_of(only(4), 4), "SKT 0");
    EXPECT_EQ(load_le<uint64_t>(&only(4).area[8]), 0x1122334455667788u);
    EXPECT_EQ(load_le<uint16_t>(&only(4).area[0x14]), 3100);
    EXPECT_EQ(only(8).area, (std::vector<uint8_t>{8, 9, 0, 8, 1, 0, 2, 8, 16}));
    EXPECT_EQ(only(9).area, (std::vector<uint8_t>{9, 17, 0, 9, 1, 0xa5, 8, 4, 3, 7, 0, 1, 2, 0, 0, 0, 0x18}));
    EXPECT_EQ(only(41).area, (std::vector<uint8_t>{41, 11, 0, 0x29, 1, 0x85, 2, 0, 0, 0, 0x28}));
    EXPECT_EQ(only(11).area, (std::vector<uint8_t>{11, 5, 0, 0x0e, 2}));
    EXPECT_EQ(only(11).strings, (std::vector<std::string>{"one", "two"}));
    EXPECT_EQ(string_of(only(17), 0x10), "SLOT 0");
    EXPECT_EQ(string_of(only(17), 0x11), "bank");
    EXPECT_EQ(load_le<uint16_t>(&only(17).area[0x15]), 3200);
    EXPECT_EQ(string_of(only(17), 0x1a), "P1");
}

TEST(Smbios, StructureFromAFile_takesThePlaceOfOurs) {
    Config c = sample();
    const std::vector<uint8_t> mine = {4, 5, 0, 0x99, 0xaa, 'x', 0, 0};
    c.settings.structures.emplace(4, mine);
    const auto t = parse(built(c).tables);
    ASSERT_EQ(t.count(4), 1u);
    EXPECT_EQ(t.find(4)->second.area, std::vector<uint8_t>(mine.begin(), mine.begin() + 5));
    EXPECT_EQ(t.count(1), 1u);
}

TEST(Smbios, TooMuchFor28_needsA30EntryPoint) {
    Config c = sample();
    for (unsigned i = 0; i < 250; ++i)
        c.settings.oem_strings.emplace_back(300, 'x');
    EXPECT_EQ(built(c).anchor.size(), 24u) << "chosen for the user";
    c.settings.entry_point = EntryPoint::V28;
    EXPECT_FALSE(build(c));
}

}  // namespace
}  // namespace vmm::smbios
