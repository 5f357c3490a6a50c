// From JSON to keyval's spelling; see typed_option.h.
#include "system/control/cli/typed_option.h"

#include "qapi/json_writer.h"

namespace vmm::cli {

namespace {

qapi::Value as_keyval(const qapi::Value& value) {
    if (const bool* flag = value.if_bool()) return *flag ? "on" : "off";
    if (const qapi::Dict* dict = value.if_dict()) return cli::as_keyval(*dict);
    if (const qapi::List* list = value.if_list()) {
        qapi::List out;
        for (const qapi::Value& one : *list)
            out.push_back(as_keyval(one));
        return out;
    }
    return value.if_string() != nullptr || value.null() ? value : qapi::Value(qapi::to_json(value));
}

}  // namespace

qapi::Dict as_keyval(const qapi::Dict& json) {
    qapi::Dict out;
    for (const qapi::Dict::Entry& entry : json)
        out.set(entry.key, as_keyval(entry.value));
    return out;
}

}  // namespace vmm::cli
