// What users and files say about disks: -drive and -blockdev text, file names with protocols, blkdebug rules,
// the first bytes of an image, blockdev-reopen of nodes that are there. Nothing crashes, an error is one
// line, what is accepted says the same when read again, what is refused has changed nothing. The first byte
// chooses.
#include <cstdint>
#include <string>

#include "backends/block/blkdebug.h"
#include "backends/block/options/commands.h"
#include "backends/block/options/graph_commands.h"
#include "backends/block/options/open.h"
#include "backends/block/probe.h"
#include "qapi/convert.h"
#include "qapi/json_parser.h"
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

struct NoEvents final : BlockEvents {
    void io_error(const IoErrorReport&) override {}
    void tray_moved(const std::string&, const std::string&, bool) override {}
};

// Nodes of which none knows a file of the host.
constexpr const char* kNodes[] = {
    "null-co,node-name=a,size=1M",
    "null-co,node-name=b,size=1M,read-only=on",
    "raw,node-name=r,file=a",
    "raw,node-name=s,size=4096,file.driver=null-co,file.node-name=c",
    "throttle,node-name=t,throttle-group=g,file=r",
    "blkdebug,node-name=d,image=b,read-only=on",
};

void try_reopen(const std::string& text) {
    auto parsed = qapi::parse_json(text);
    if (!parsed) return;
    auto given = qapi::from_value<qapi::BlockdevReopenArguments>(qapi::Dict{{"options", *parsed}});
    if (!given) return;
    EventLoop loop;
    auto context = IoContext::create(loop, {.use_uring = false});
    CHECK(context, "no context");
    NoEvents events;
    ThrottleGroups groups;
    for (const char* name : {"g", "h"})
        CHECK(groups.add(name, {}), "no group");
    BlockGraph graph(**context, events);
    const BlockEnv env{graph, groups};
    for (const char* node : kNodes) {
        auto keyval = qapi::parse_keyval(node, {.implied_key = "driver"});
        auto made = add_blockdev(env, *qapi::from_keyval<qapi::BlockdevOptions>(keyval->dict));
        CHECK(made, "%s: %s", node, made.error().text().c_str());
    }
    const auto state = [&] {
        qapi::List nodes;
        for (const qapi::BlockDeviceInfo& node : query_named_block_nodes(graph, false))
            nodes.push_back(qapi::to_value(node));
        return nodes;
    };
    const qapi::List before = state();
    Status done = reopen_blockdevs(env, given->options);
    if (!done) {
        CHECK(done.error().message().find('\n') == std::string::npos, "an error of two lines");
        CHECK(state() == before, "a refused reopening changed something");
        return;
    }
    const qapi::List after = state();
    Status again = reopen_blockdevs(env, given->options);
    CHECK(again, "what was accepted is refused: %s", again.error().text().c_str());
    CHECK(state() == after, "the same again changed something");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0) return 0;
    std::string text(data + 1, data + size);
    switch (data[0] % 6) {
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
        case 4:
            CHECK(!probe_format({data + 1, size - 1}).empty(), "an image without a format");
            break;
        default:
            try_reopen(text);
    }
    return 0;
}
