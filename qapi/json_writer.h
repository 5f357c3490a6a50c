// Values to JSON text: one line, ASCII only (other characters are escaped), exact integers, doubles with
// enough digits to come back unchanged. Thread-safe.
#pragma once

#include <string>

#include "qapi/value.h"

namespace vmm::qapi {

std::string to_json(const Value& value);
// For people: one member a line, indented by four.
std::string to_pretty_json(const Value& value);

}  // namespace vmm::qapi
