// JSON in and out: what is accepted, what is refused and why, exact numbers, limits, streams in any cut.
#include <gtest/gtest.h>

#include "qapi/json_parser.h"
#include "qapi/json_writer.h"
#include "util/text.h"

namespace vmm::qapi {
namespace {

std::string round_trip(std::string_view text) {
    auto value = parse_json(text);
    return value ? to_json(*value) : "error: " + value.error().text();
}

TEST(Json, AcceptedTextsComeOutInTheCanonicalForm) {
    struct Row {
        std::string_view in, out;
    } rows[] = {
        {"null", "null"},
        {" true ", "true"},
        {"[ ]", "[]"},
        {"{}", "{}"},
        {"{'a': 1, \"b\":[1,2,{}]}", R"({"a": 1, "b": [1, 2, {}]})"},
        {"{\"z\":1,\"a\":2}", R"({"z": 1, "a": 2})"},
        {"9223372036854775807", "9223372036854775807"},
        {"9223372036854775808", "9223372036854775808"},
        {"18446744073709551615", "18446744073709551615"},
        {"-9223372036854775808", "-9223372036854775808"},
        {"18446744073709551616", "1.8446744073709552e+19"},
        {"-0", "0"},
        {"0.1", "0.1"},
        {"1e3", "1000.0"},
        {"1E-2", "0.01"},
        {"'it\\'s \"q\"'", R"("it's \"q\"")"},
        {R"("\u00e9\n\ud83d\ude00")", R"("\u00E9\n\uD83D\uDE00")"},
        {"\"\xc3\xa9\"", R"("\u00E9")"},
        {R"("\/\b\f\r\t\\")", R"("/\b\f\r\t\\")"},
    };
    for (const Row& row : rows)
        EXPECT_EQ(round_trip(row.in), row.out) << row.in;
}

TEST(Json, WrongTextsAreRefusedWithTheirReason) {
    struct Row {
        std::string_view in, out;
    } rows[] = {
        {"", "JSON: the text ends early, expected a value"},
        {"{\"a\":1", "JSON: the text ends early, expected ',' or '}'"},
        {"{\"a\" 1}", "JSON: expected ':' at byte 5"},
        {"{1:1}", "JSON: expected a key (a string) at byte 1"},
        {"{\"a\":1,}", "JSON: expected a key (a string) at byte 7"},
        {"[1,]", "JSON: expected a value at byte 3"},
        {"[1 2]", "JSON: expected ',' or ']' at byte 3"},
        {"1 2", "JSON: expected the end at byte 2"},
        {"{\"a\":1,\"a\":2}", "JSON: key 'a' occurs twice"},
        {"01", "JSON: number with a leading zero at byte 2"},
        {"-", "JSON: a digit is missing at byte 1"},
        {"1.", "JSON: a digit is missing at byte 2"},
        {"1e", "JSON: a digit is missing at byte 2"},
        {"1x", "JSON: a number followed by a letter at byte 1"},
        {"1e999", "JSON: number out of range at byte 5"},
        {"yes", "JSON: unknown word 'yes' at byte 0"},
        {"#", "JSON: unexpected character at byte 0"},
        {"\"a", "JSON: string without an end at byte 2"},
        {"\"a\\", "JSON: string without an end at byte 3"},
        {"\"\\x\"", "JSON: unknown escape sequence at byte 2"},
        {"\"\\u12g4\"", "JSON: \\u needs four hexadecimal digits at byte 5"},
        {"\"\\ud800x\"", "JSON: half a surrogate pair at byte 7"},
        {"\"\\udc00\"", "JSON: half a surrogate pair at byte 7"},
        {"\"\\u0000\"", "JSON: \\u0000 in a string at byte 7"},
        {"\"a\nb\"", "JSON: control character in a string at byte 2"},
        {"\"\xff\"", "JSON: invalid UTF-8 at byte 1"},
        {"\"\xc0\x80\"", "JSON: invalid UTF-8 at byte 1"},
        {"\"\xed\xa0\x80\"", "JSON: invalid UTF-8 at byte 1"},
    };
    for (const Row& row : rows)
        EXPECT_EQ(round_trip(row.in), "error: " + std::string(row.out)) << row.in;
}

TEST(Json, LimitsHold) {
    EXPECT_EQ(parse_json("[[[]]]", {.depth = 2}).error().text(), "JSON: nested deeper than 2");
    EXPECT_TRUE(parse_json("[[]]", {.depth = 2}));
    EXPECT_EQ(parse_json("[1,2,3]", {.values = 3}).error().text(), "JSON: more than 3 values");
    EXPECT_EQ(parse_json("[1,2,3]", {.bytes = 6}).error().text(), "JSON: longer than 6 bytes");
    EXPECT_FALSE(parse_json(std::string(100000, '[')));
}

TEST(Json, ManyKeysCostNoMoreThanTheirLength) {
    std::string text = "{";
    for (int i = 0; i < 200000; ++i)
        text += strf("%s\"k%d\":%d", i > 0 ? "," : "", i, i);
    auto value = parse_json(text + "}");
    ASSERT_TRUE(value);
    EXPECT_EQ(value->if_dict()->size(), 200000u);
    EXPECT_EQ(parse_json(text + ",\"k77\":0}").error().text(), "JSON: key 'k77' occurs twice");
}

TEST(Json, PrettyTextIsIndented) {
    EXPECT_EQ(to_pretty_json(Dict{{"a", List{1, 2}}, {"b", Dict()}}),
              "{\n    \"a\": [\n        1,\n        2\n    ],\n    \"b\": {}\n}");
}

TEST(Json, BriefIsOneShortLine) {
    EXPECT_EQ(brief("a\nb"), "'a\\nb'");
    EXPECT_EQ(brief(std::string(100, 'x')).size(), 63u);
}

std::string texts(const std::vector<Result<Value>>& results) {
    std::string out;
    for (const auto& result : results)
        out += (result ? to_json(*result) : "error") + ";";
    return out;
}

TEST(JsonStream, AnyCutGivesTheSameValues) {
    const std::string text = "{\"a\": \"}'\\\"\"} [1,2]{'b':[{}]}\n 17 true\n\"s\\\\\" ]{\"c\":nul}{}";
    const std::string want = R"({"a": "}'\""};[1, 2];{"b": [{}]};17;true;"s\\";error;error;{};)";
    for (size_t cut = 0; cut <= text.size(); ++cut) {
        JsonStream stream;
        std::string got = texts(stream.feed(std::string_view(text).substr(0, cut)));
        got += texts(stream.feed(std::string_view(text).substr(cut)));
        got += texts(stream.finish());
        ASSERT_EQ(got, want) << "cut at " << cut;
    }
}

TEST(JsonStream, EndlessTextIsAnsweredOnceAndForgotten) {
    JsonStream stream({.bytes = 100});
    std::string got = texts(stream.feed("{\"a\": \"" + std::string(1000000, 'x')));
    EXPECT_EQ(got, "error;");
    EXPECT_EQ(stream.buffered(), 0u);
    EXPECT_EQ(texts(stream.feed("yy\"}\n{\"b\":1}")), R"({"b": 1};)");
}

TEST(JsonStream, TooDeepIsAnsweredOnce) {
    JsonStream stream;
    EXPECT_EQ(texts(stream.feed(std::string(5000, '['))), "error;");
    EXPECT_EQ(texts(stream.feed("\n[]")), "[];");
}

// As a client sees it that waits for the answer before it goes on.
TEST(JsonStream, WhatCannotBeJsonIsAnsweredAtOnce) {
    for (std::string bad : {"{]", "{\xff", "{\x01", "{'bad \xff", "{'execute': 'x', 'id':'\n", "%p",
                            "{'a': [1}", "[\"\xc0", "\"a\\\n", "\xe9", "@", "{\"a\": \x7f"}) {
        JsonStream stream;
        EXPECT_EQ(texts(stream.feed(bad)), "error;") << bad;
        stream.end_of_burst();
        EXPECT_EQ(texts(stream.feed("{ 'execute': 'y' }\n")), R"({"execute": "y"};)") << bad;
    }
}

TEST(JsonStream, TheRestOfALineWithAnErrorIsNotRead) {
    JsonStream stream;
    EXPECT_EQ(texts(stream.feed("{'a': \x01, 'b': {'execute': 'quit'}}\n[1]")), "error;[1];");
    EXPECT_EQ(texts(stream.feed("{'a': [1}, 'b': {'execute': 'quit'}}\n[1]")), "error;[1];");
}

TEST(JsonStream, AnUnfinishedTextIsAnErrorAtTheEnd) {
    JsonStream stream;
    EXPECT_EQ(texts(stream.feed("[1")), "");
    EXPECT_EQ(texts(stream.finish()), "error;");
    EXPECT_EQ(texts(stream.finish()), "");
}

}  // namespace
}  // namespace vmm::qapi
