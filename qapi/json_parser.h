// JSON text to a Value: at once, or from a stream of bytes as a QMP client sends them. Both are bounded in
// bytes, depth and number of values, and refuse duplicate keys. One parser is used by one thread at a time.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "qapi/value.h"
#include "util/result.h"

namespace vmm::qapi {

struct JsonLimits {
    size_t bytes = 64u << 20;  // of one text
    size_t depth = 1024;       // of nested lists and objects
    size_t values = 2u << 20;  // in one text, keys not counted
};

// The whole text is one value; white space around it is fine, anything else after it is an error.
Result<Value> parse_json(std::string_view text, const JsonLimits& limits = {});

// Cuts a stream into texts, one per top-level value, and parses each. What cannot become JSON any more (a
// control character, a byte that UTF-8 does not have, the wrong bracket) is an error at once, not when the
// text ends; then the rest of the line is thrown away. It never holds more than limits.bytes: a longer or
// deeper text is answered with one error and thrown away up to the next newline.
class JsonStream {
  public:
    explicit JsonStream(const JsonLimits& limits = {}) : limits_(limits) {}
    // Results of the values that these bytes completed, in order.
    std::vector<Result<Value>> feed(std::string_view bytes);
    // No more bytes are there for now: what comes next is not the rest of a line with an error in it. (A
    // client that is told of its error before it sent a newline goes on with a new text.)
    void end_of_burst();
    // The end of the stream: a scalar that waited for its end, or an error when a text was left unfinished.
    std::vector<Result<Value>> finish();
    size_t buffered() const { return text_.size(); }

  private:
    enum class Skip { No, Line, LongLine };
    void take(char c);
    void take_in_string(char c);
    void open(char bracket);
    void close(char bracket);
    void complete();
    void fail(const char* why, char at, Skip skip);

    JsonLimits limits_;
    std::string text_;
    std::vector<Result<Value>> ready_;
    std::string open_;      // the brackets that are open
    char quote_ = 0;        // the open string's quote
    bool escaped_ = false;  // the last byte in the string was a backslash
    Skip skip_ = Skip::No;  // throwing away until a newline
};

}  // namespace vmm::qapi
