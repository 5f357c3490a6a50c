// The map of handlers; see command_table.h.
#include "qapi/command_table.h"

namespace vmm::qapi {

Status CommandTable::refuse_arguments(const Dict& dict) {
    if (dict.empty()) return {};
    return Error::make("Parameter %s is unexpected, the command takes none",
                       brief(Value(dict.begin()->key)).c_str());
}

void CommandTable::insert(const CommandInfo& info, Handler handler) {
    const bool is_new = commands_.emplace(info.name, Command{info, std::move(handler)}).second;
    CHECK(is_new, "command '%s' is registered twice", std::string(info.name).c_str());
}

const CommandTable::Command* CommandTable::find(std::string_view name) const {
    auto found = commands_.find(name);
    return found == commands_.end() ? nullptr : &found->second;
}

}  // namespace vmm::qapi
