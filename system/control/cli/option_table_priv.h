// The table of all options: name, argument, group, help and handler. -help prints it, the parser looks names
// up in it. Options that QEMU has and this program does not have yet stand in a table of their own, with
// their reason.
#pragma once

#include <span>
#include <string_view>

#include "system/control/cli/builder_priv.h"

namespace vmm::cli {

struct Option {
    std::string_view name;      // without the dash
    std::string_view argument;  // "FILE" in -help; empty: the option has none
    std::string_view group;     // a heading when it differs from the row before; empty: not listed (an alias)
    std::string_view help;
    Handler take;
};

struct AbsentOption {
    std::string_view name;
    bool has_argument;
    std::string_view reason;
};

// All of the argument stands in brackets: it is what follows, unless that is an option.
bool argument_is_optional(const Option& option);

std::span<const Option> option_table();
std::span<const AbsentOption> absent_options();

const Option* find_option(std::string_view name);
const AbsentOption* find_absent_option(std::string_view name);
std::string_view nearest_option(std::string_view name);

}  // namespace vmm::cli
