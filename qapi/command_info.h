// What the generated traits of commands (qapi/commands_*.h) say about a command besides its types.
#pragma once

#include <string_view>

namespace vmm::qapi {

struct CommandInfo {
    std::string_view name;
    bool allow_oob = false;        // may run out of band, on the monitor's own thread
    bool allow_preconfig = false;  // may run before the machine is made
    bool no_success_response = false;
    bool deprecated = false;
};

// Of commands and events that carry nothing.
struct NoArguments {};

}  // namespace vmm::qapi
