// The names that users give: objects, devices, back ends. Header only.
#pragma once

#include <string>

#include "qapi/value.h"
#include "util/result.h"

namespace vmm {

// Letters, digits, '-', '.' and '_', a letter first.
inline bool good_id(std::string_view id) {
    const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
    if (id.empty() || !letter(id[0])) return false;
    for (const char c : id)
        if (!letter(c) && !(c >= '0' && c <= '9') && c != '-' && c != '.' && c != '_') return false;
    return true;
}

inline Status check_id(const std::string& id) {
    if (good_id(id)) return {};
    return Error::make("Parameter 'id' expects letters, digits, '-', '.' and '_', a letter first, not %s",
                       qapi::brief(qapi::Value(id)).c_str());
}

}  // namespace vmm
