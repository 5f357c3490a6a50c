// JSON text to tokens, in the flavour that QMP speaks: RFC 8259 plus strings in single quotes. Strings come
// out decoded and checked (UTF-8, escapes, surrogate pairs, no control characters, no NUL). Used by the
// parser only.
#pragma once

#include <string>
#include <string_view>

#include "qapi/value.h"
#include "util/result.h"

namespace vmm::qapi {

struct JsonToken {
    // Scalar: value holds null, a boolean, a number or a string.
    enum class Kind { End, OpenBrace, CloseBrace, OpenBracket, CloseBracket, Colon, Comma, Scalar };
    Kind kind = Kind::End;
    size_t offset = 0;  // of the first byte, for messages
    Value value;
};

class JsonLexer {
  public:
    // The text must outlive the lexer.
    explicit JsonLexer(std::string_view text) : text_(text) {}
    Result<JsonToken> next();

  private:
    Result<Value> scan_string(char quote);
    Status scan_escape(std::string& out);
    Result<char32_t> scan_hex4();
    Result<Value> scan_number();
    Result<Value> scan_word();
    size_t skip_digits();
    Error error_here(const char* what) const;

    std::string_view text_;
    size_t at_ = 0;
};

}  // namespace vmm::qapi
