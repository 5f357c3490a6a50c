// Typing: what lines come out and what the terminal shows; and cutting lines into words.
#include "system/control/hmp/line_editor.h"

#include <gtest/gtest.h>

#include "system/control/hmp/table.h"

namespace vmm {
namespace {

std::vector<std::string> choices(std::string_view text) {
    std::vector<std::string> out;
    for (std::string known : {"stop", "system_reset", "system_wakeup", "info status"})
        if (known.starts_with(text)) out.push_back(known);
    return out;
}

std::string typed(std::string_view keys) {
    LineEditor editor("> ", choices);
    std::string lines, show;
    for (char key : keys)
        if (auto line = editor.feed(static_cast<uint8_t>(key), show)) lines += *line + ";";
    return lines;
}

TEST(LineEditor, KeysMakeLines) {
    struct Row {
        std::string_view keys, lines;
    } rows[] = {
        {"abc\r", "abc;"},
        {"abc\r\n\n", "abc;;"},
        {"abc\x7f\b\n", "a;"},
        {"bc\x01"
         "a\n",
         "abc;"},
        {"ac\x1b[Db\n", "abc;"},
        {"abX\x1b[D\x1b[3~c\n", "abc;"},
        {"xx\x15"
         "abc\n",
         "abc;"},
        {"abcd\x02\x0b\n", "abc;"},
        {"one\ntwo\n\x1b[A\x1b[A\n", "one;two;one;"},
        {"one\ntwo\n\x10\x10\x0e\n", "one;two;two;"},
        {"junk\x03"
         "abc\n",
         "abc;"},
        {"sto\t\n", "stop ;"},
        {"sys\tr\t\n", "system_reset ;"},
        {"a\x1b[5;2~b\x1bxc\n", "abc;"},
        {"\x1b[H\x1b[F\x1bOH\n", ";"},
        {"ab\x04\x06\x06\n", "ab;"},
    };
    for (const Row& row : rows)
        EXPECT_EQ(typed(row.keys), row.lines) << row.keys;
}

TEST(LineEditor, ALineHasAnEnd) {
    std::string keys(100000, 'x');
    EXPECT_EQ(typed(keys + "\n").size(), LineEditor::kLongest + 1);
}

TEST(LineEditor, WhatIsTypedIsShown) {
    LineEditor editor("> ", choices);
    std::string show = editor.show();
    EXPECT_EQ(show, "\r> \033[K");
    show.clear();
    for (char key : std::string("ab\x1b[D"))
        editor.feed(static_cast<uint8_t>(key), show);
    EXPECT_EQ(show, "ab\r> ab\033[K\033[1D");
}

TEST(HmpLine, IsCutIntoWords) {
    auto line = parse_hmp_line("  device_add  \"a b\",id=x   \"q\\\"\" ");
    ASSERT_TRUE(line);
    EXPECT_EQ(line->command, "device_add");
    EXPECT_EQ(line->words, (std::vector<std::string>{"a b", ",id=x", "q\""}));
    EXPECT_EQ(line->rest, "\"a b\",id=x   \"q\\\"\"");
    EXPECT_FALSE(parse_hmp_line("x \"y"));
    EXPECT_EQ(parse_hmp_line("  ")->command, "");
}

TEST(HmpLine, AFormatMayFollowItsCommandAtOnce) {
    for (const char* text : {"x/4xb 0x10", " x /4xb  0x10 "}) {
        auto line = parse_hmp_line(text);
        ASSERT_TRUE(line) << text;
        EXPECT_EQ(line->command, "x") << text;
        EXPECT_EQ(line->words, (std::vector<std::string>{"/4xb", "0x10"})) << text;
    }
    EXPECT_EQ(parse_hmp_line("xp/2xg 0")->rest, "/2xg 0");
    EXPECT_EQ(parse_hmp_line("/x 0")->command, "/x");
    EXPECT_EQ(parse_hmp_line("qom-list /machine/x")->command, "qom-list");
}

TEST(HmpTable, ErrorsAreText) {
    qapi::CommandTable none;
    HmpTable table(none);
    table.add({"greet", "name", "says hello",
               [](const HmpLine& line) -> Result<std::string> {
                   if (line.words.empty()) return Error::make("nobody is there");
                   return "hello " + line.word(0);
               },
               "g"});
    table.add_info({"cpu", "", "the processor", [](const HmpLine& line) -> Result<std::string> {
                        return std::to_string(line.cpu) + line.word(0);
                    }});
    EXPECT_EQ(table.run("greet you", 0), "hello you\n");
    EXPECT_EQ(table.run("g", 0), "Error: nobody is there\n");
    EXPECT_EQ(table.run("info cpu -x", 3), "3-x\n");
    EXPECT_EQ(table.run("", 0), "");
    EXPECT_EQ(table.run("nonsense", 0), "unknown command: 'nonsense'\n");
    EXPECT_EQ(table.run("info nonsense", 0), "Error: there is no 'info nonsense'\n");
    EXPECT_EQ(table.run("help greet", 0), "greet|g name -- says hello\n");
    EXPECT_EQ(table.run("help info cpu", 0), "info cpu -- the processor\n");
}

}  // namespace
}  // namespace vmm
