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

// Cuts a stream into texts, one per top-level value, and parses each. It never holds more than limits.bytes:
// a longer text is answered with one error and thrown away up to its end (the next newline outside of it).
class JsonStream {
  public:
    explicit JsonStream(const JsonLimits& limits = {}) : limits_(limits) {}
    // Results of the values that these bytes completed, in order.
    std::vector<Result<Value>> feed(std::string_view bytes);
    // The end of the stream: a scalar that waited for its end, or an error when a text was left unfinished.
    std::vector<Result<Value>> finish();
    size_t buffered() const { return text_.size(); }

  private:
    void take(char c);
    void take_in_string(char c);
    void complete();
    void fail(const char* why);

    JsonLimits limits_;
    std::string text_;
    std::vector<Result<Value>> ready_;
    size_t depth_ = 0;
    char quote_ = 0;         // the open string's quote
    bool escaped_ = false;   // the last byte in the string was a backslash
    bool skipping_ = false;  // throwing away until a newline
};

}  // namespace vmm::qapi
