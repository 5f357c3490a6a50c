// UTF-8 by the book (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF. Thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace vmm::qapi {

// Takes the first character off the text; nothing (and no change) when the text does not begin with a whole
// one.
std::optional<char32_t> utf8_take(std::string_view& text);
void utf8_append(std::string& out, char32_t character);
bool utf8_valid(std::string_view text);

}  // namespace vmm::qapi
