// Whole command lines, one argument a line: no input crashes the parser, an error is one line, and what is
// accepted hangs together (every id that the machine names exists).
#include <algorithm>
#include <cstdint>

#include "system/control/cli/command_line.h"
#include "system/control/type_tables.h"
#include "util/text.h"

using namespace vmm;

namespace {

void check(const Configuration& c) {
    auto chardev = [&](const std::string& id) {
        return std::any_of(c.chardevs.begin(), c.chardevs.end(), [&](const auto& x) { return x.id == id; });
    };
    auto backend = [&](const std::string& id) {
        return std::any_of(c.memory_backends.begin(), c.memory_backends.end(),
                           [&](const auto& x) { return x.id == id; });
    };
    for (const DeviceRequest& device : c.machine.devices) {
        const Property* property = find_property(device.type->properties, "chardev");
        if (property == nullptr) continue;
        const qapi::Value id = write_property(*property, device.config->data());
        CHECK(id.if_string() == nullptr || id.if_string()->empty() || chardev(*id.if_string()),
              "a device of no chardev");
    }
    for (const NumaNodeConfig& node : c.machine.memory.nodes)
        CHECK(node.memory_backend.empty() || backend(node.memory_backend), "a node of no backend");
    CHECK(c.machine.memory.backend.empty() || backend(c.machine.memory.backend), "RAM of no backend");
    CHECK(c.machine.memory.size % 4096 == 0, "RAM of half a page");
    CHECK(c.machine.smp.cpus >= 1 && c.machine.smp.cpus <= c.machine.smp.max_cpus, "processors");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    std::string text(data, data + size);
    if (text.find('\0') != std::string::npos) return 0;  // arguments end there
    // Files that the command line names are not this target's business.
    if (text.find("events") != std::string::npos || text.find("readconfig") != std::string::npos) return 0;
    std::vector<std::string> arguments = {"penumbra"};
    for (std::string_view line : split(text, '\n'))
        arguments.emplace_back(line);
    std::vector<const char*> argv;
    for (const std::string& argument : arguments)
        argv.push_back(argument.c_str());
    const DeviceTypes types = all_device_types();
    auto parsed = parse_command_line(argv, types);
    if (!parsed)
        CHECK(parsed.error().message().find('\n') == std::string::npos, "an error of two lines");
    else if (parsed->action == CommandLine::Action::Run)
        check(parsed->configuration);
    return 0;
}
