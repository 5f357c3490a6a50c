// An option's text as its schema's type: keyval, or JSON where it begins with '{'. JSON is checked as
// strictly as a monitor would; then both go on as keyval's strings, so that options which are merged or
// completed have one way only.
#pragma once

#include <string>

#include "qapi/convert.h"
#include "qapi/keyval.h"

namespace vmm::cli {

// JSON's values spelled as keyval spells them: on and off, decimal numbers.
qapi::Dict as_keyval(const qapi::Dict& json);

template <typename T>
Result<qapi::Keyval> parse_option(const std::string& text, const qapi::KeyvalStyle& style) {
    bool json = false;
    qapi::Keyval parsed = TRY(qapi::parse_keyval_or_json(text, style, &json));
    if (!json) return parsed;
    TRY(qapi::from_value<T>(parsed.dict));
    parsed.dict = as_keyval(parsed.dict);
    return parsed;
}

}  // namespace vmm::cli
