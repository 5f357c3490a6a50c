// Lines that somebody types at the monitor for people: none crashes it, what is said ends with a newline, and
// completions begin with what was typed.
#include <cstdint>

#include "system/control/hmp/commands.h"
#include "system/control/qmp/commands.h"
#include "util/fd_store.h"

using namespace vmm;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    FdStore store;
    qapi::CommandTable commands;
    register_fd_commands(commands, store);
    register_identity_commands(commands, {.name = "fuzz", .uuid = {}, .kvm = [] { return false; }});
    HmpTable table(commands);
    register_hmp_run_commands(table);
    register_hmp_query_commands(table);
    const std::string text(data, data + size);
    const std::string said = table.run(text, size % 3);
    CHECK(said.empty() || said.back() == '\n', "the last line does not end");
    for (const std::string& name : table.complete(text))
        CHECK(!name.empty(), "an empty completion");
    return 0;
}
