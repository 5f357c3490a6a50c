// The everyday commands about the machine as a whole; see commands.h.
#include "qapi/commands_misc.h"
#include "system/control/hmp/commands.h"
#include "util/text.h"

namespace vmm {

namespace {

void add_infos(HmpTable& table) {
    table.add_info(
        {"status", "", "what the machine is doing", [&table](const HmpLine&) -> Result<std::string> {
             qapi::Value status = TRY(table.qmp("query-status"));
             const bool running = flag_of(status, "running");
             std::string state = text_of(status, "status");
             std::string out = running ? "VM status: running" : "VM status: paused";
             if (!running && state != "paused") out += " (" + state + ")";
             return out;
         }});
    table.add_info({"version", "", "the version", [&table](const HmpLine&) -> Result<std::string> {
                        qapi::Value version = TRY(table.qmp("query-version"));
                        const qapi::Value* qemu = version.if_dict()->find("qemu");
                        return strf("%llu.%llu.%llu (%s)",
                                    static_cast<unsigned long long>(number_of(*qemu, "major")),
                                    static_cast<unsigned long long>(number_of(*qemu, "minor")),
                                    static_cast<unsigned long long>(number_of(*qemu, "micro")),
                                    text_of(version, "package").c_str());
                    }});
    table.add_info({"name", "", "the guest's name", [&table](const HmpLine&) -> Result<std::string> {
                        return text_of(TRY(table.qmp("query-name")), "name");
                    }});
    table.add_info({"uuid", "", "the guest's UUID", [&table](const HmpLine&) -> Result<std::string> {
                        return text_of(TRY(table.qmp("query-uuid")), "UUID");
                    }});
    table.add_info({"kvm", "", "whether KVM runs the guest", [&table](const HmpLine&) -> Result<std::string> {
                        const bool enabled = flag_of(TRY(table.qmp("query-kvm")), "enabled");
                        return std::string(enabled ? "kvm support: enabled" : "kvm support: disabled");
                    }});
}

}  // namespace

void register_hmp_run_commands(HmpTable& table) {
    table.add_plain("stop", "stop", "stops the guest", "s");
    table.add_plain("cont", "cont", "lets the guest run", "c");
    table.add_plain("quit", "quit", "ends the process", "q");
    table.add_plain("system_reset", "system_reset", "resets the machine");
    table.add_plain("system_powerdown", "system_powerdown", "presses the power button");
    table.add_plain("system_wakeup", "system_wakeup", "wakes the guest from sleep");
    table.add_plain("nmi", "inject-nmi", "gives every processor a non-maskable interrupt");
    table.add_plain("exit_preconfig", "x-exit-preconfig", "makes the machine");
    table.add({"watchdog_action", "reset|shutdown|poweroff|pause|debug|none|inject-nmi",
               "what a watchdog that runs out does", [&table](const HmpLine& line) -> Result<std::string> {
                   TRY(table.qmp("watchdog-set-action", qapi::Dict{{"action", line.word(0)}}));
                   return std::string();
               }});
    table.add({"closefd", "name", "closes a descriptor that getfd keeps",
               [&table](const HmpLine& line) -> Result<std::string> {
                   TRY(table.qmp("closefd", qapi::Dict{{"fdname", line.word(0)}}));
                   return std::string();
               }});
    add_infos(table);
}

void register_human_monitor_command(qapi::CommandTable& commands, const HmpTable& table) {
    commands.add<qapi::HumanMonitorCommandCommand>(
        [&table](const qapi::HumanMonitorCommandArguments& arguments) -> Result<std::string> {
            const int64_t cpu = arguments.cpu_index.value_or(0);
            if (cpu < 0 || cpu > UINT16_MAX)
                return Error::make("Parameter 'cpu-index' expects the number of a processor");
            // Lines end as on a terminal, which is what clients compare with.
            std::string out;
            for (char c : table.run(arguments.command_line, static_cast<size_t>(cpu)))
                out += c == '\n' ? std::string("\r\n") : std::string(1, c);
            return out;
        });
}

}  // namespace vmm
