// HmpTable: the commands of the monitor for people: names, what they take, a line of help, and what they do.
// A command gets the words of its line and gives text. Filled at start by the register_*() functions; main
// thread.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "qapi/command_table.h"

namespace vmm {

// One line that somebody typed, cut into words; "quotes" keep words together, a backslash keeps a character.
struct HmpLine {
    std::string command;
    std::vector<std::string> words;  // without the command
    std::string rest;                // the same, as typed
    size_t cpu = 0;                  // the processor that the monitor looks at

    // The word at this place, or empty.
    std::string word(size_t at) const { return at < words.size() ? words[at] : std::string(); }
};
Result<HmpLine> parse_hmp_line(std::string_view text);

struct HmpCommand {
    std::string_view name;
    std::string_view takes;  // "id [force]"
    std::string_view help;
    std::function<Result<std::string>(const HmpLine&)> run;
    std::string_view alias = {};
};

class HmpTable {
  public:
    // The QMP commands that others are made of.
    explicit HmpTable(const qapi::CommandTable& qmp);

    void add(HmpCommand command) { commands_.push_back(std::move(command)); }
    // "info NAME".
    void add_info(HmpCommand command) { infos_.push_back(std::move(command)); }
    // Runs a line; errors are text, too. Ends with a newline unless it is empty.
    std::string run(std::string_view text, size_t cpu) const;
    // Names that the text could become, for completion.
    std::vector<std::string> complete(std::string_view text) const;

    // Calls a QMP command.
    Result<qapi::Value> qmp(std::string_view name, const qapi::Dict& arguments = {}) const;
    // A command that calls a QMP command without arguments and says nothing.
    void add_plain(std::string_view name, std::string_view qmp_name, std::string_view help,
                   std::string_view alias = {});

  private:
    using Commands = std::vector<HmpCommand>;
    static const HmpCommand* find(const Commands& commands, std::string_view name);
    static std::string help_of(const Commands& commands, std::string_view prefix, std::string_view name);
    Result<std::string> run_info(const HmpLine& line) const;
    Result<std::string> run_help(const HmpLine& line) const;

    const qapi::CommandTable& qmp_;
    Commands commands_;
    Commands infos_;
};

// Members of an answer, for text. Empty or zero when they are not there or of another type.
std::string text_of(const qapi::Value& value, std::string_view member);
uint64_t number_of(const qapi::Value& value, std::string_view member);
bool flag_of(const qapi::Value& value, std::string_view member);
const qapi::List& list_of(const qapi::Value& value);

}  // namespace vmm
