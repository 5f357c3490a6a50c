// From the command line to the exit status; see program.h.
#include "system/control/program.h"

#include <cstdio>

#include "system/control/cli/command_line.h"
#include "system/control/doctor/doctor.h"
#include "system/control/startup/callers.h"
#include "system/control/startup/virtual_machine.h"
#include "system/control/trace_table.h"
#include "system/control/type_tables.h"
#include "util/log.h"

namespace vmm {

int run_program(std::span<const char* const> words, const HostKernel& kernel) {
    const Callers callers = Callers::find();
    trace_register(all_trace_events());
    const DeviceTypes types = all_device_types();
    Result<CommandLine> command = parse_command_line(words, types);
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
            doctor::examine_host(kernel.door, "/dev/kvm", command->as_json ? Format::Json : Format::Text);
        std::fputs(answer.text.c_str(), stdout);
        return answer.usable ? 0 : 1;
    }
    return run_virtual_machine(command->configuration, callers, kernel);
}

}  // namespace vmm
