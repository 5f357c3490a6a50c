// The schema's types read from any JSON and any keyval text: no input crashes a visitor, an error is one
// line, and what was read is written and read again as the same value.
#include <cstdint>

#include "qapi/convert.h"
#include "qapi/json_parser.h"
#include "qapi/json_writer.h"
#include "qapi/keyval.h"
#include "qapi/types_block_core.h"
#include "qapi/types_chardev.h"
#include "qapi/types_input.h"
#include "qapi/types_machine.h"
#include "qapi/types_net.h"
#include "qapi/types_process.h"
#include "qapi/types_qom.h"
#include "qapi/types_run_state.h"

using namespace vmm;
using namespace vmm::qapi;

namespace {

template <typename T>
void check(Result<T> read) {
    if (!read) {
        CHECK(read.error().message().find('\n') == std::string::npos, "an error of two lines");
        return;
    }
    const Value written = to_value(*read);
    Result<T> again = from_value<T>(written);
    CHECK(again, "what was written cannot be read: %s", again.error().message().c_str());
    CHECK(to_value(*again) == written, "it reads as something else");
}

template <typename... T>
void check_all(const Value& json, const Dict* keyval) {
    (check(from_value<T>(json)), ...);
    if (keyval != nullptr) (check(from_keyval<T>(*keyval)), ...);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string text(data, data + size);
    const Result<Value> json = parse_json(text);
    Result<Keyval> keyval = parse_keyval(text, {.repeatable = {"host-nodes", "cpus"}});
    if (!json && !keyval) return 0;
    check_all<ObjectOptions, BlockdevOptions, Netdev, ChardevOptions, MachineOptions, NumaOptions,
              SandboxOptions, ActionOptions, KeyValue>(json ? *json : Value(),
                                                       keyval ? &keyval->dict : nullptr);
    return 0;
}
