// The visitors on a hand-written type: what each reading accepts, the wording of its errors, and writing
// back.
#include "qapi/visitor.h"

#include <gtest/gtest.h>

#include "qapi/convert.h"
#include "qapi/json_parser.h"
#include "qapi/json_writer.h"
#include "qapi/keyval.h"
#include "qapi/type_info.h"

namespace vmm::qapi {
namespace {

struct Inner {
    std::string path;
};

struct Sample {
    bool on = false;
    uint8_t small = 0;
    int64_t wide = 0;
    uint64_t bytes = 0;
    std::vector<uint16_t> nodes;
    size_t colour = 0;
    std::vector<Inner> inner;
};

constexpr std::string_view kColours[] = {"red", "green"};
constexpr EnumInfo kColourInfo{"Colour", kColours};

Status visit(Visitor& v, std::string_view name, Inner& value) {
    TRY(v.begin_struct(name));
    TRY(visit(v, "path", value.path));
    return v.end_struct();
}

Status visit(Visitor& v, std::string_view name, Sample& value) {
    auto each = [](Visitor& visitor, std::string_view element, auto& x) {
        return visit(visitor, element, x);
    };
    TRY(v.begin_struct(name));
    if (v.has("on", value.on)) TRY(visit(v, "on", value.on));
    if (v.has("small", value.small != 0)) TRY(visit(v, "small", value.small));
    if (v.has("wide", value.wide != 0)) TRY(visit(v, "wide", value.wide));
    if (v.has("bytes", value.bytes != 0)) TRY(visit_size(v, "bytes", value.bytes));
    if (v.has("nodes", !value.nodes.empty())) TRY(visit_list(v, "nodes", value.nodes, each));
    if (v.has("colour", value.colour != 0)) TRY(v.enumeration("colour", value.colour, kColourInfo));
    if (v.has("inner", !value.inner.empty())) TRY(visit_list(v, "inner", value.inner, each));
    return v.end_struct();
}

std::string from_text(std::string_view text) {
    auto dict = parse_keyval(text, {.repeatable = {"nodes"}});
    if (!dict) return dict.error().message();
    auto got = from_keyval<Sample>(dict->dict);
    return got ? to_json(to_value(*got)) : got.error().message();
}

std::string from_json(std::string_view text) {
    auto value = parse_json(text);
    if (!value) return value.error().message();
    auto got = from_value<Sample>(*value);
    return got ? to_json(to_value(*got)) : got.error().message();
}

TEST(KeyvalVisitor, ReadsWhatUsersWrite) {
    EXPECT_EQ(from_text("on=yes"), R"({"on": true})");
    EXPECT_EQ(from_text("on=off"), "{}");
    EXPECT_EQ(from_text("small=0x10,wide=-5"), R"({"small": 16, "wide": -5})");
    EXPECT_EQ(from_text("bytes=1.5G"), R"({"bytes": 1610612736})");
    EXPECT_EQ(from_text("nodes=0-2,nodes=7"), R"({"nodes": [0, 1, 2, 7]})");
    EXPECT_EQ(from_text("nodes.0=4"), R"({"nodes": [4]})");
    EXPECT_EQ(from_text("colour=green"), R"({"colour": "green"})");
    EXPECT_EQ(from_text("inner.0.path=/a,inner.1.path=/b"), R"({"inner": [{"path": "/a"}, {"path": "/b"}]})");
}

TEST(KeyvalVisitor, ErrorsSayParameterValueAndRemedy) {
    EXPECT_EQ(from_text("on=maybe"), "Parameter 'on' expects 'on' or 'off', not 'maybe'");
    EXPECT_EQ(from_text("small=256"), "Parameter 'small' expects an integer from 0 to 255, not '256'");
    EXPECT_EQ(from_text("small=-1"), "Parameter 'small' expects an integer from 0 to 255, not '-1'");
    EXPECT_EQ(from_text("small=1x"), "Parameter 'small' expects an integer from 0 to 255, not '1x'");
    EXPECT_EQ(from_text("bytes=lots"),
              "Parameter 'bytes' expects a size such as 4096, 512M or 2G, not 'lots'");
    EXPECT_EQ(from_text("colour=blue"), "Parameter 'colour' expects one of red, green, not 'blue'");
    EXPECT_EQ(from_text("nodes=3-1"),
              "Parameter 'nodes' expects a range FIRST-LAST that goes upwards, of at most 65536 numbers, not "
              "'3-1'");
    EXPECT_EQ(from_text("nodes=0-18446744073709551615").substr(0, 39),
              "Parameter 'nodes' expects a range FIRST");
    EXPECT_EQ(from_text("nodes.0=1,nodes.1=x"),
              "Parameter 'nodes[1]' expects an integer from 0 to 65535, not 'x'");
    EXPECT_EQ(from_text("bites=1"), "Parameter 'bites' is unexpected (did you mean 'bytes'?)");
    EXPECT_EQ(from_text("frobnicate=1"),
              "Parameter 'frobnicate' is unexpected "
              "(known: bytes, colour, inner, nodes, on, small, wide)");
    EXPECT_EQ(from_text("inner.0.path=a,inner.1.oath=b"), "Parameter 'inner[1].path' is missing");
    EXPECT_EQ(from_text("inner.0.path=a,inner.0.foo=b"),
              "Parameter 'inner[0].foo' is unexpected (known: path)");
    EXPECT_EQ(from_text("on.x=1"), "Parameter 'on' expects 'on' or 'off', not {\"x\": \"1\"}");
}

TEST(InputVisitor, ReadsJsonStrictly) {
    const char* all =
        R"({"on": true, "small": 1, "wide": -1, "bytes": 4096, "nodes": [1, 2], "colour": "green"})";
    EXPECT_EQ(from_json(all), all);
    EXPECT_EQ(from_json(R"({"on": "yes"})"), "Parameter 'on' expects true or false, not 'yes'");
    EXPECT_EQ(from_json(R"({"small": "1"})"), "Parameter 'small' expects an integer from 0 to 255, not '1'");
    EXPECT_EQ(from_json(R"({"small": 256})"), "Parameter 'small' expects an integer from 0 to 255, not 256");
    EXPECT_EQ(from_json(R"({"bytes": -1})"),
              "Parameter 'bytes' expects an integer from 0 to 18446744073709551615, not -1");
    EXPECT_EQ(from_json(R"({"bytes": 18446744073709551615})"), R"({"bytes": 18446744073709551615})");
    EXPECT_EQ(
        from_json(R"({"wide": 1.5})"),
        "Parameter 'wide' expects an integer from -9223372036854775808 to 9223372036854775807, not 1.5");
    EXPECT_EQ(from_json(R"({"nodes": 1})"), "Parameter 'nodes' expects a list, not 1");
    EXPECT_EQ(from_json(R"({"inner": [{"path": "a"}, 5]})"), "Parameter 'inner[1]' expects an object, not 5");
    EXPECT_EQ(from_json(R"({"inner": [{"path": "a"}, {"path": 5}]})"),
              "Parameter 'inner[1].path' expects a string, not 5");
    EXPECT_EQ(from_json("[]"), "expected an object, not []");
    EXPECT_EQ(from_json(R"({"onn": true})"), "Parameter 'onn' is unexpected (did you mean 'on'?)");
}

}  // namespace
}  // namespace vmm::qapi
