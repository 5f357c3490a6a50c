// What users and files say about disks: -drive and -blockdev text, file names with protocols, blkdebug rules,
// the first bytes of an image. Nothing crashes, an error is one line, what is accepted says the same when
// read again. The first byte chooses.
#include <cstdint>
#include <string>

#include "backends/block/blkdebug.h"
#include "backends/block/options/open.h"
#include "backends/block/probe.h"
#include "qapi/convert.h"
#include "qapi/keyval.h"

using namespace vmm;
using namespace vmm::block;

namespace {

template <typename T>
void check_error(const Result<T>& result) {
    if (!result) CHECK(result.error().message().find('\n') == std::string::npos, "an error of two lines");
}

void check_options(const qapi::BlockdevOptions& options) {
    auto again = qapi::from_value<qapi::BlockdevOptions>(qapi::to_value(options));
    CHECK(again && *again == options, "options changed on the way through JSON");
    check_error(check_blockdev(options, true));
}

void try_drive(const std::string& text) {
    auto keyval = qapi::parse_keyval(text, {.flat = true});
    if (!keyval) return;
    auto drive = parse_drive(keyval->dict);
    check_error(drive);
    if (!drive) return;
    CHECK(!(drive->image && drive->file), "a drive with two images");
    if (drive->image) check_options(*drive->image);
    if (drive->file) check_options(*drive->file);
    CHECK(drive->throttle.check(), "limits that exclude each other were accepted");
}

void try_blockdev(const std::string& text) {
    bool json = false;
    auto parsed = qapi::parse_keyval_or_json(text, {.implied_key = "driver"}, &json);
    if (!parsed) return;
    auto options = json ? qapi::from_value<qapi::BlockdevOptions>(parsed->dict)
                        : qapi::from_keyval<qapi::BlockdevOptions>(parsed->dict);
    check_error(options);
    if (options) check_options(*options);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0) return 0;
    std::string text(data + 1, data + size);
    switch (data[0] % 5) {
        case 0:
            try_drive(text);
            break;
        case 1:
            try_blockdev(text);
            break;
        case 2:
            check_error(parse_filename(text));
            break;
        case 3: {
            auto rules = parse_blkdebug_config(text, "rules");
            check_error(rules);
            if (rules) {
                for (const InjectError& error : rules->errors)
                    CHECK(BlkdebugConfig::known_event(error.event), "an unknown event was accepted");
            }
            break;
        }
        default:
            CHECK(!probe_format({data + 1, size - 1}).empty(), "an image without a format");
    }
    return 0;
}
