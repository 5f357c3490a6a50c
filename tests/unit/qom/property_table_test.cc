// Property rows over a config: reading text and JSON, writing, unknown names, what a listing shows.
#include "qom/property_table.h"

#include <gtest/gtest.h>

#include "qapi/types_common.h"
#include "qom/type_registry.h"

namespace vmm {
namespace {

struct Base {
    std::optional<uint8_t> slot;
};
struct Config : Base {
    uint16_t port = 0xe9;
    bool on = true;
    std::string chardev;
    Size size = 4096;
    int32_t index = -1;
    qapi::OnOffAuto mode = qapi::OnOffAuto::Auto;
};

template <typename C>
constexpr std::array<Property, 1> base_props() {
    return {prop<C, &Base::slot>("slot", "where it sits")};
}
constexpr auto kProps =
    join_props(base_props<Config>(),
               std::array{prop<Config, &Config::port>("port"), prop<Config, &Config::on>("on"),
                          prop<Config, &Config::chardev>("chardev"), prop<Config, &Config::size>("size"),
                          prop<Config, &Config::index>("index"), prop<Config, &Config::mode>("mode")});

TEST(PropertyTable, TextIsReadAsUsersSpellIt) {
    Config config;
    const qapi::Dict values{{"slot", "3"},   {"port", "0x3f8"}, {"on", "off"}, {"chardev", "c0"},
                            {"size", "64k"}, {"index", "-2"},   {"mode", "on"}};
    ASSERT_TRUE(read_properties(kProps, "thing", values, Spelling::Text, &config));
    EXPECT_EQ(config.slot, 3);
    EXPECT_EQ(config.port, 0x3f8);
    EXPECT_FALSE(config.on);
    EXPECT_EQ(config.chardev, "c0");
    EXPECT_EQ(config.size, 65536u);
    EXPECT_EQ(config.index, -2);
    EXPECT_EQ(config.mode, qapi::OnOffAuto::On);
}

TEST(PropertyTable, JsonIsTyped) {
    Config config;
    EXPECT_TRUE(read_properties(kProps, "thing", {{"port", 1}, {"on", false}}, Spelling::Json, &config));
    EXPECT_EQ(config.port, 1);
    EXPECT_FALSE(read_property(kProps, "thing", "port", "1", Spelling::Json, &config));
    EXPECT_FALSE(read_property(kProps, "thing", "on", "off", Spelling::Json, &config));
}

TEST(PropertyTable, BadValuesAndNamesAreRefused) {
    Config config;
    const struct {
        const char* name;
        qapi::Value value;
        const char* says;
    } rows[] = {
        {"port", "0x10000", "port"},
        {"port", "x", "port"},
        {"on", "maybe", "on"},
        {"mode", "perhaps", "mode"},
        {"slot", "256", "slot"},
        {"prot", "1", "Property 'thing.prot' not found"},
        {"", "1", "Property 'thing.' not found"},
    };
    for (const auto& row : rows) {
        Status read = read_property(kProps, "thing", row.name, row.value, Spelling::Text, &config);
        ASSERT_FALSE(read) << row.name;
        EXPECT_NE(read.error().text().find(row.says), std::string::npos) << read.error().text();
    }
    EXPECT_EQ(config.port, 0xe9);
    Status close = read_property(kProps, "thing", "chardv", "1", Spelling::Text, &config);
    EXPECT_EQ(close.error().hint(), "did you mean 'chardev'?");
}

TEST(PropertyTable, DefaultsAndValuesAreWritten) {
    Config config;
    EXPECT_TRUE(write_property(kProps[0], &config).null());
    config.slot = 7;
    EXPECT_EQ(write_property(kProps[0], &config), qapi::Value(7));
    EXPECT_EQ(write_property(*find_property(kProps, "mode"), &config), qapi::Value("auto"));
    EXPECT_EQ(write_property(*find_property(kProps, "size"), &config), qapi::Value(4096));
}

TEST(PropertyTable, TypesHaveTheNamesUsersKnow) {
    EXPECT_EQ(property_type_name(*find_property(kProps, "slot")), "uint8");
    EXPECT_EQ(property_type_name(*find_property(kProps, "mode")), "OnOffAuto");
    EXPECT_EQ(property_type_name(*find_property(kProps, "size")), "size");
}

TEST(TypeRegistry, AncestryFollowsParents) {
    TypeRegistry types;
    types.add({.name = "object", .parent = "", .abstract = true});
    types.add({.name = "disk", .parent = "device"});
    types.add({.name = "device", .parent = "object", .abstract = true});
    EXPECT_TRUE(types.is_a("disk", "object"));
    EXPECT_TRUE(types.is_a("disk", "disk"));
    EXPECT_FALSE(types.is_a("device", "disk"));
    EXPECT_FALSE(types.is_a("nosuch", "object"));
    EXPECT_EQ(types.all().size(), 3u);
}

}  // namespace
}  // namespace vmm
