// What a QMP client sends: no bytes, in any pieces, crash the monitor or leave it deaf; everything it says is
// JSON in lines that end with CR LF.
#include <cstdint>
#include <string>

#include "qapi/commands_misc.h"
#include "qapi/json_parser.h"
#include "system/control/qmp/commands.h"
#include "system/control/qmp/server.h"
#include "tests/fakes/fake_chardev.h"

using namespace vmm;

namespace {

void settle(EventLoop& loop) {
    while (loop.iterate(false)) {
    }
}

void type(EventLoop& loop, FakeChardev& chardev, std::string_view text) {
    // What has no room yet has it after the loop ran.
    for (int tries = 0; tries < 1000 && !text.empty(); ++tries) {
        loop.post([&] { text = chardev.type(text); });
        settle(loop);
    }
    CHECK(text.empty(), "the monitor takes no more bytes");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    EventLoop loop;
    FakeChardev chardev(loop);
    FdStore store;
    qapi::CommandTable commands;
    register_control_commands(commands);
    register_fd_commands(commands, store);
    register_identity_commands(commands, {.name = "fuzz", .uuid = {}, .kvm = [] { return false; }});
    {
        MonitorServer server(loop, commands, [] { return false; });
        CHECK(server.add(chardev, Session::Style::Compact), "no monitor");
        std::string text(data, data + size);
        const size_t piece = size == 0 ? 1 : data[0] % 32u + 1;
        for (size_t at = 0; at < size; at += piece)
            type(loop, chardev, std::string_view(text).substr(at, piece));
        chardev.written.clear();
        type(loop, chardev,
             "\"'\n\"\n\n{\"execute\": \"qmp_capabilities\"}\n{\"execute\": \"query-name\", \"id\": 7}\n");
        CHECK(chardev.written.find("{\"name\": \"fuzz\"}, \"id\": 7}\r\n") != std::string::npos,
              "the monitor is deaf: %s", chardev.written.c_str());
        size_t end = 0;
        for (size_t at = 0; (end = chardev.written.find("\r\n", at)) != std::string::npos; at = end + 2)
            CHECK(qapi::parse_json(std::string_view(chardev.written).substr(at, end - at)),
                  "a reply is not JSON");
    }
    return 0;
}
