// keyval text in every style: no input crashes the parser, and what it gives is valid text that JSON can
// carry.
#include <cstdint>

#include "qapi/json_parser.h"
#include "qapi/json_writer.h"
#include "qapi/keyval.h"

using namespace vmm;
using namespace vmm::qapi;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    std::string text(data, data + size);
    const KeyvalStyle styles[] = {{},
                                  {.implied_key = "type"},
                                  {.flat = true},
                                  {.implied_key = "b", .bare_flags = true},
                                  {.repeatable = {"x", "host-nodes"}}};
    for (const KeyvalStyle& style : styles) {
        auto got = parse_keyval(text, style);
        if (!got) {
            CHECK(got.error().message().find('\n') == std::string::npos, "an error of two lines");
            continue;
        }
        auto again = parse_json(to_json(got->dict));
        CHECK(again && *again == Value(got->dict), "keyval made a value that JSON cannot carry");
    }
    bool json = false;
    (void)static_cast<bool>(parse_keyval_or_json(text, {}, &json));
    return 0;
}
