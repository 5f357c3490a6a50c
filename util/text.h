// Small text work used everywhere: printf into a string, split, join, trim, prefix tests, number parsing that
// refuses trailing text. No locale. Thread-safe.
#pragma once

#include <cstdarg>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vmm {

[[gnu::format(printf, 1, 2)]] std::string strf(const char* format, ...);
std::string vstrf(const char* format, va_list arguments);

// Every piece between separators, empty ones included; "" gives one empty piece.
std::vector<std::string_view> split(std::string_view text, char separator);
std::string join(const std::vector<std::string>& pieces, std::string_view separator);
std::string_view trim(std::string_view text);

// The whole text as a number, C prefixes (0x, 0) understood when base is 0; nothing else may follow or
// precede.
std::optional<uint64_t> parse_u64(std::string_view text, int base = 0);
std::optional<int64_t> parse_i64(std::string_view text, int base = 0);

// The candidate closest to the text by edits, when close enough to be what was meant; empty otherwise.
std::string_view nearest(std::string_view text, const std::vector<std::string_view>& candidates);

}  // namespace vmm
