// The command line, once and for all: argv to a Configuration, or a text to print (-help, -version, "help" in
// an option). Everything is checked here, before any VM exists; a mistake is one line that names the option,
// its value and what would be right. Opens nothing but the files of "-trace events=".
#pragma once

#include <span>
#include <string>

#include "system/control/configuration.h"
#include "util/result.h"

namespace vmm {

struct CommandLine {
    enum class Action { Run, Print, Examine };
    Action action = Action::Run;
    std::string text;      // to print on standard output, for Action::Print
    bool as_json = false;  // what is found, for Action::Examine: -doctor
    Configuration configuration;
};

// argv[0] is the program's name. The types outlive the result.
Result<CommandLine> parse_command_line(std::span<const char* const> argv, const DeviceTypes& types);

}  // namespace vmm
