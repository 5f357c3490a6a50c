// Text helpers; see text.h.
#include "util/text.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

namespace vmm {

std::string vstrf(const char* format, va_list arguments) {
    va_list again;
    va_copy(again, arguments);
    int length = std::vsnprintf(nullptr, 0, format, again);
    va_end(again);
    if (length <= 0) return {};
    std::string out(static_cast<size_t>(length), '\0');
    std::vsnprintf(out.data(), out.size() + 1, format, arguments);
    return out;
}

std::string strf(const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    std::string out = vstrf(format, arguments);
    va_end(arguments);
    return out;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> pieces;
    for (;;) {
        size_t at = text.find(separator);
        pieces.push_back(text.substr(0, at));
        if (at == std::string_view::npos) return pieces;
        text.remove_prefix(at + 1);
    }
}

std::string join(const std::vector<std::string>& pieces, std::string_view separator) {
    std::string out;
    for (const std::string& piece : pieces) {
        if (!out.empty()) out += separator;
        out += piece;
    }
    return out;
}

std::string_view trim(std::string_view text) {
    constexpr std::string_view kSpace = " \t\r\n";
    size_t first = text.find_first_not_of(kSpace);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

std::optional<uint64_t> parse_u64(std::string_view text, int base) {
    if (text.empty() || text[0] == '-' || text[0] == '+' || text[0] == ' ' || text[0] == '\t') return {};
    std::string copy(text);
    char* end = nullptr;
    errno = 0;
    uint64_t value = std::strtoull(copy.c_str(), &end, base);
    if (errno != 0 || end != copy.c_str() + copy.size()) return {};
    return value;
}

std::optional<int64_t> parse_i64(std::string_view text, int base) {
    if (text.empty() || text[0] == '+' || text[0] == ' ' || text[0] == '\t') return {};
    std::string copy(text);
    char* end = nullptr;
    errno = 0;
    int64_t value = std::strtoll(copy.c_str(), &end, base);
    if (errno != 0 || end != copy.c_str() + copy.size()) return {};
    return value;
}

namespace {

size_t edits_between(std::string_view a, std::string_view b) {
    std::vector<size_t> row(b.size() + 1);
    for (size_t j = 0; j <= b.size(); ++j)
        row[j] = j;
    for (size_t i = 1; i <= a.size(); ++i) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.size(); ++j) {
            size_t above = row[j];
            size_t change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            row[j] = std::min({above + 1, row[j - 1] + 1, change});
            diagonal = above;
        }
    }
    return row[b.size()];
}

}  // namespace

std::string_view nearest(std::string_view text, const std::vector<std::string_view>& candidates) {
    std::string_view best;
    size_t best_edits = std::max<size_t>(1, text.size() / 3) + 1;
    for (std::string_view candidate : candidates) {
        size_t edits = edits_between(text, candidate);
        if (edits < best_edits) {
            best_edits = edits;
            best = candidate;
        }
    }
    return best;
}

}  // namespace vmm
