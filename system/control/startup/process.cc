// The process phase; see process.h.
#include "system/control/startup/process.h"

#include <sys/prctl.h>

#include "util/log.h"
#include "util/trace.h"

namespace vmm {

namespace {

Status set_up_log(const ProcessConfig& config, const std::string& guest_name) {
    log_set_timestamps(config.message_timestamp);
    if (config.message_guest_name) log_set_guest_name(guest_name);
    if (config.log_file) {
        Status opened = log_open_file(*config.log_file);
        if (!opened) return std::move(opened).take_error().while_doing("-D");
    }
    log_set_items(config.log_items);
    for (const std::string& pattern : config.trace_patterns) {
        if (trace_enable(pattern) == 0) {
            return Error::make("-trace: no event matches '%s'", pattern.c_str())
                .with_hint("-trace help lists the events");
        }
    }
    return {};
}

}  // namespace

Result<ProcessSetup> ProcessSetup::enter(const ProcessConfig& config, const std::string& guest_name) {
    ProcessSetup setup;
    TRY(set_up_log(config, guest_name));
    if (config.process_name) prctl(PR_SET_NAME, config.process_name->c_str());
    if (config.daemonize) setup.daemon_ = TRY(Daemon::enter());
    if (config.pidfile) setup.pidfile_ = TRY(PidFile::create(*config.pidfile));
    return setup;
}

Status ProcessSetup::ready() {
    if (!daemon_) return {};
    Status told = daemon_->ready();
    daemon_.reset();
    return told;
}

}  // namespace vmm
