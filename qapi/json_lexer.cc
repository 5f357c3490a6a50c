// The JSON scanner; see json_lexer.h.
#include "qapi/json_lexer.h"

#include <cmath>
#include <cstdlib>

#include "qapi/utf8.h"
#include "util/text.h"

namespace vmm::qapi {
namespace {

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

}  // namespace

Error JsonLexer::error_here(const char* what) const {
    return Error::make("JSON: %s at byte %zu", what, at_);
}

Result<JsonToken> JsonLexer::next() {
    while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos)
        ++at_;
    JsonToken token;
    token.offset = at_;
    if (at_ == text_.size()) return token;
    char c = text_[at_];
    constexpr std::string_view kPunctuation = "{}[]:,";
    if (size_t which = kPunctuation.find(c); which != std::string_view::npos) {
        constexpr JsonToken::Kind kKinds[] = {JsonToken::Kind::OpenBrace,   JsonToken::Kind::CloseBrace,
                                              JsonToken::Kind::OpenBracket, JsonToken::Kind::CloseBracket,
                                              JsonToken::Kind::Colon,       JsonToken::Kind::Comma};
        ++at_;
        token.kind = kKinds[which];
        return token;
    }
    token.kind = JsonToken::Kind::Scalar;
    if (c == '"' || c == '\'')
        token.value = TRY(scan_string(c));
    else if (c == '-' || is_digit(c))
        token.value = TRY(scan_number());
    else if (is_letter(c))
        token.value = TRY(scan_word());
    else
        return error_here("unexpected character");
    return token;
}

Result<Value> JsonLexer::scan_string(char quote) {
    ++at_;
    std::string out;
    while (at_ < text_.size()) {
        char c = text_[at_];
        if (c == quote) {
            ++at_;
            return Value(std::move(out));
        }
        if (c == '\\') {
            TRY(scan_escape(out));
            continue;
        }
        if (static_cast<unsigned char>(c) < 0x20) return error_here("control character in a string");
        std::string_view rest = text_.substr(at_);
        size_t before = rest.size();
        if (!utf8_take(rest)) return error_here("invalid UTF-8");
        size_t length = before - rest.size();
        out.append(text_, at_, length);
        at_ += length;
    }
    return error_here("string without an end");
}

Status JsonLexer::scan_escape(std::string& out) {
    ++at_;
    if (at_ == text_.size()) return error_here("string without an end");
    char c = text_[at_];
    constexpr std::string_view kFrom = "\"'\\/bfnrt";
    constexpr std::string_view kTo = "\"'\\/\b\f\n\r\t";
    if (size_t which = kFrom.find(c); which != std::string_view::npos) {
        out += kTo[which];
        ++at_;
        return {};
    }
    if (c != 'u') return error_here("unknown escape sequence");
    ++at_;
    char32_t character = TRY(scan_hex4());
    if (character >= 0xd800 && character < 0xdc00) {
        if (text_.substr(at_, 2) != "\\u") return error_here("half a surrogate pair");
        at_ += 2;
        char32_t low = TRY(scan_hex4());
        if (low < 0xdc00 || low > 0xdfff) return error_here("half a surrogate pair");
        character = 0x10000 + ((character - 0xd800) << 10) + (low - 0xdc00);
    } else if (character >= 0xdc00 && character < 0xe000) {
        return error_here("half a surrogate pair");
    }
    if (character == 0) return error_here("\\u0000 in a string");
    utf8_append(out, character);
    return {};
}

Result<char32_t> JsonLexer::scan_hex4() {
    char32_t number = 0;
    for (int i = 0; i < 4; ++i, ++at_) {
        if (at_ == text_.size()) return error_here("string without an end");
        constexpr std::string_view kDigits = "0123456789abcdefABCDEF";
        size_t digit = kDigits.find(text_[at_]);
        if (digit == std::string_view::npos) return error_here("\\u needs four hexadecimal digits");
        number = number * 16 + static_cast<char32_t>(digit < 16 ? digit : digit - 6);
    }
    return number;
}

size_t JsonLexer::skip_digits() {
    size_t from = at_;
    while (at_ < text_.size() && is_digit(text_[at_]))
        ++at_;
    return at_ - from;
}

// Integers are exact in int64 and uint64; what fits neither, or has a fraction or an exponent, is a double.
Result<Value> JsonLexer::scan_number() {
    size_t from = at_;
    if (text_[at_] == '-') ++at_;
    bool zero_first = at_ < text_.size() && text_[at_] == '0';
    size_t digits = skip_digits();
    if (digits == 0) return error_here("a digit is missing");
    if (zero_first && digits > 1) return error_here("number with a leading zero");
    bool exact = true;
    if (at_ < text_.size() && text_[at_] == '.') {
        ++at_;
        exact = false;
        if (skip_digits() == 0) return error_here("a digit is missing");
    }
    if (at_ < text_.size() && (text_[at_] == 'e' || text_[at_] == 'E')) {
        ++at_;
        exact = false;
        if (at_ < text_.size() && (text_[at_] == '+' || text_[at_] == '-')) ++at_;
        if (skip_digits() == 0) return error_here("a digit is missing");
    }
    if (at_ < text_.size() && (is_letter(text_[at_]) || text_[at_] == '_'))
        return error_here("a number followed by a letter");
    std::string_view text = text_.substr(from, at_ - from);
    if (exact) {
        if (auto number = parse_i64(text, 10)) return Value(*number);
        if (auto number = parse_u64(text, 10)) return Value(*number);
    }
    double number = std::strtod(std::string(text).c_str(), nullptr);
    if (!std::isfinite(number)) return error_here("number out of range");
    return Value(number);
}

Result<Value> JsonLexer::scan_word() {
    size_t from = at_;
    while (at_ < text_.size() && (is_letter(text_[at_]) || is_digit(text_[at_]) || text_[at_] == '_'))
        ++at_;
    std::string_view word = text_.substr(from, at_ - from);
    if (word == "true") return Value(true);
    if (word == "false") return Value(false);
    if (word == "null") return Value();
    at_ = from;
    return Error::make("JSON: unknown word %s at byte %zu", brief(Value(word)).c_str(), from)
        .with_hint("strings are quoted");
}

}  // namespace vmm::qapi
