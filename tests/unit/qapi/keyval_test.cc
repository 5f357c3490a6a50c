// keyval text: escapes, implied keys, dotted keys, lists, repeats, help, and every way to get it wrong.
#include "qapi/keyval.h"

#include <gtest/gtest.h>

#include "qapi/json_writer.h"

namespace vmm::qapi {
namespace {

std::string parsed(std::string_view text, const KeyvalStyle& style = {}) {
    auto got = parse_keyval(text, style);
    if (!got) return "error: " + got.error().text();
    return to_json(got->dict) + (got->help ? " help" : "");
}

TEST(Keyval, AcceptedTexts) {
    EXPECT_EQ(parsed(""), "{}");
    EXPECT_EQ(parsed("a=1,b=2"), R"({"a": "1", "b": "2"})");
    EXPECT_EQ(parsed("a=1,"), R"({"a": "1"})");
    EXPECT_EQ(parsed("a="), R"({"a": ""})");
    EXPECT_EQ(parsed("a=x,,y,,,b=,,"), R"({"a": "x,y,", "b": ","})") << "',,' is a comma";
    EXPECT_EQ(parsed("a=b=c"), R"({"a": "b=c"})");
    EXPECT_EQ(parsed("a=1,a=2"), R"({"a": "2"})") << "the last one wins";
    EXPECT_EQ(parsed("a.b=1,a.c.d=2"), R"({"a": {"b": "1", "c": {"d": "2"}}})");
    EXPECT_EQ(parsed("x.1=b,x.0=a"), R"({"x": ["a", "b"]})");
    EXPECT_EQ(parsed("x.0.k=a"), R"({"x": [{"k": "a"}]})");
}

TEST(Keyval, TheFirstPieceMayLackItsKey) {
    KeyvalStyle machine{.implied_key = "type"};
    EXPECT_EQ(parsed("q35,a=1", machine), R"({"type": "q35", "a": "1"})");
    EXPECT_EQ(parsed("a=1", machine), R"({"a": "1"})");
    EXPECT_EQ(parsed("q,,35", machine), R"({"type": "q,35"})");
    EXPECT_EQ(parsed("a=1,q35", machine), "error: Expected '=' and a value after parameter 'q35'");
    EXPECT_EQ(parsed(",a=1", machine), "error: Parameter 'type' has no value");
}

TEST(Keyval, HelpStandsAlone) {
    EXPECT_EQ(parsed("help"), "{} help");
    EXPECT_EQ(parsed("?"), "{} help");
    EXPECT_EQ(parsed("help", {.implied_key = "type"}), "{} help");
    EXPECT_EQ(parsed("q35,help", {.implied_key = "type"}), R"({"type": "q35"} help)");
    EXPECT_EQ(parsed("help=1"), R"({"help": "1"})");
}

TEST(Keyval, WrongTextsNameTheParameter) {
    EXPECT_EQ(parsed("a"), "error: Expected '=' and a value after parameter 'a'");
    EXPECT_EQ(parsed("a=1,,b=2,c"), "error: Expected '=' and a value after parameter 'c'");
    EXPECT_EQ(parsed("=1"), "error: a key is missing before '=1'");
    EXPECT_EQ(parsed("a.=1"), "error: Invalid parameter 'a.'");
    EXPECT_EQ(parsed("a..b=1"), "error: Invalid parameter 'a..b'");
    EXPECT_EQ(parsed("0=1"), "error: Invalid parameter '0'");
    EXPECT_EQ(parsed("a b=1"), "error: Invalid parameter 'a b'");
    EXPECT_EQ(parsed("a=1,a.b=1"), "error: Parameters 'a' and 'a.*' exclude each other");
    EXPECT_EQ(parsed("a.b=1,a=1"), "error: Parameters 'a' and 'a.*' exclude each other");
    EXPECT_EQ(parsed("x.0=1,x.a=1"), "error: Parameters 'x.*' are partly numbered, partly named");
    EXPECT_EQ(parsed("x.1=1"), "error: Parameter 'x.0' is missing");
    EXPECT_EQ(parsed("x.0=1,x.01=1"), "error: Parameter 'x.1' is missing");
    EXPECT_EQ(parsed("a=1,,"), R"({"a": "1,"})");
    EXPECT_EQ(parsed(std::string(200, 'k') + "=1").substr(0, 24), "error: Invalid parameter");
    EXPECT_EQ(parsed("a=\xff"), "error: Parameter 'a' is not valid UTF-8 text");
}

TEST(Keyval, FlatKeysKeepTheirDots) {
    EXPECT_EQ(parsed("mc146818rtc.base=1,kvm-pit.x=2", {.flat = true}),
              R"({"mc146818rtc.base": "1", "kvm-pit.x": "2"})");
}

TEST(Keyval, BareFlagsWhereTheOptionHasThem) {
    KeyvalStyle chardev{.implied_key = "backend", .bare_flags = true};
    EXPECT_EQ(parsed("socket,path=/x,server,nowait", chardev),
              R"({"backend": "socket", "path": "/x", "server": "on", "wait": "off"})");
    EXPECT_EQ(parsed("socket,nodelay", chardev), R"({"backend": "socket", "nodelay": "on"})");
}

TEST(Keyval, RepeatableKeysCollect) {
    KeyvalStyle object{.implied_key = "qom-type", .repeatable = {"host-nodes"}};
    EXPECT_EQ(parsed("m,host-nodes=0-1,host-nodes=3", object),
              R"({"qom-type": "m", "host-nodes": ["0-1", "3"]})");
    EXPECT_EQ(parsed("m,host-nodes=0", object), R"({"qom-type": "m", "host-nodes": "0"})");
}

TEST(Keyval, JsonIsTakenWhereItBeginsWithABrace) {
    bool json = false;
    auto got =
        parse_keyval_or_json("{\"qom-type\": \"x\", \"size\": 4096}", {.implied_key = "qom-type"}, &json);
    ASSERT_TRUE(got);
    EXPECT_TRUE(json);
    EXPECT_EQ(to_json(got->dict), R"({"qom-type": "x", "size": 4096})");
    EXPECT_FALSE(parse_keyval_or_json("{", {}, &json));
}

}  // namespace
}  // namespace vmm::qapi
