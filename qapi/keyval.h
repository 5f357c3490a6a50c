// keyval text, as the command line writes options: "q35,smp.cpus=2,x.0=a,name=a,,b". Values are strings; a
// visitor gives them types. Dotted keys make objects, numbered ones make lists, ",," stands for a comma. A
// key given twice: the last one wins, unless it is declared repeatable. Thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "qapi/value.h"
#include "util/result.h"

namespace vmm::qapi {

struct KeyvalStyle {
    // The key of a first piece without '=' ("q35" in "-machine q35"); none when empty.
    std::string_view implied_key;
    // Dots are part of the names, as -device and -global have it.
    bool flat = false;
    // "server" means server=on and "nowait" wait=off, as -chardev and -serial still have it.
    bool bare_flags = false;
    // Keys whose values collect in a list when given several times ("host-nodes=0,host-nodes=2").
    std::vector<std::string_view> repeatable = {};
};

struct Keyval {
    Dict dict;
    bool help = false;  // "help" or "?" stood alone
};

Result<Keyval> parse_keyval(std::string_view text, const KeyvalStyle& style = {});

// For options that are JSON or keyval: what begins with '{' is JSON. *json says which it was.
Result<Keyval> parse_keyval_or_json(std::string_view text, const KeyvalStyle& style, bool* json);

}  // namespace vmm::qapi
