// The command line of a test: the words after the program's name. Header only.
#pragma once

#include <string>
#include <vector>

#include "system/control/cli/command_line.h"
#include "system/control/type_tables.h"

namespace vmm {

inline Result<CommandLine> parse_words(const std::vector<std::string>& arguments) {
    std::vector<const char*> argv = {"penumbra"};
    for (const std::string& argument : arguments)
        argv.push_back(argument.c_str());
    static const DeviceTypes types = all_device_types();
    return parse_command_line(argv, types);
}

}  // namespace vmm
