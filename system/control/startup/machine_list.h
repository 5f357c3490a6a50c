// The kinds of machine that -machine names. Pure data.
#pragma once

#include <string>
#include <vector>

namespace vmm {

struct MachineKind {
    std::string name;
    std::string alias;  // empty: none
    bool is_default = false;
    bool bare = false;  // "none": no board
};
std::vector<MachineKind> machine_kinds();

}  // namespace vmm
