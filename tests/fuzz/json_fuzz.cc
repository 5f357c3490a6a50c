// JSON text and streams: no input crashes the parser; what is accepted survives writing and reading again; a
// stream cut anywhere gives the same values.
#include <cstdint>

#include "qapi/json_parser.h"
#include "qapi/json_writer.h"

using namespace vmm;
using namespace vmm::qapi;

namespace {

std::string texts(const std::vector<Result<Value>>& results) {
    std::string out;
    for (const auto& result : results)
        out += (result ? to_json(*result) : result.error().text()) + "\n";
    return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    std::string text(data, data + size);
    if (auto value = parse_json(text)) {
        auto again = parse_json(to_json(*value));
        CHECK(again && *again == *value, "a value changed by writing and reading");
        CHECK(parse_json(to_pretty_json(*value)), "pretty text is not JSON");
    }
    JsonStream whole, cut;
    std::string a = texts(whole.feed(text));
    a += texts(whole.finish());
    std::string b;
    for (size_t at = 0; at < size; at += 7)
        b += texts(cut.feed(std::string_view(text).substr(at, 7)));
    b += texts(cut.finish());
    CHECK(a == b, "the cut of a stream changed its values");
    return 0;
}
