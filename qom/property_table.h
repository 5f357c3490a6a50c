// What is done with a table of property rows and a config: reading it from a dictionary, one property from a
// value, and writing properties as values. Errors are one line with the type's name. Thread-safe.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "qapi/value.h"
#include "qom/property.h"
#include "util/result.h"

namespace vmm {

using PropertyTable = std::span<const Property>;

// How the values are spelled: strings of a command line, or JSON.
enum class Spelling { Text, Json };

const Property* find_property(PropertyTable table, std::string_view name);

// Sets every entry of the dictionary; the config is unspecified after an error. An unknown name is refused
// with the nearest known one.
Status read_properties(PropertyTable table, std::string_view type, const qapi::Dict& values,
                       Spelling spelling, void* config);
Status read_property(PropertyTable table, std::string_view type, std::string_view name,
                     const qapi::Value& value, Spelling spelling, void* config);
// Null for an optional property without a value.
qapi::Value write_property(const Property& property, const void* config);

}  // namespace vmm
