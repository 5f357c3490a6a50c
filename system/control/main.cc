// penumbra: reads the command line and runs the machine it describes.
#include <cstdio>
#include <span>

#include "system/control/cli/command_line.h"
#include "system/control/doctor/doctor.h"
#include "system/control/startup/callers.h"
#include "system/control/startup/virtual_machine.h"
#include "system/control/trace_table.h"
#include "system/control/type_tables.h"
#include "util/log.h"

int main(int argc, char** argv) {
    using namespace vmm;
    const Callers callers = Callers::find();
    trace_register(all_trace_events());
    const DeviceTypes types = all_device_types();
    Result<CommandLine> command =
        parse_command_line(std::span<const char* const>(argv, static_cast<size_t>(argc)), types);
    if (!command) {
        log_error("%s", command.error().message().c_str());
        callers.await(kLastKnock);
        return 1;
    }
    if (command->action == CommandLine::Action::Print) {
        std::fputs(command->text.c_str(), stdout);
        return 0;
    }
    if (command->action == CommandLine::Action::Examine) {
        using doctor::Format;
        const doctor::Answer answer =
            doctor::examine_host("/dev/kvm", command->as_json ? Format::Json : Format::Text);
        std::fputs(answer.text.c_str(), stdout);
        return answer.usable ? 0 : 1;
    }
    return run_virtual_machine(command->configuration, callers);
}
