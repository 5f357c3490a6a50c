// Making what protects the guest; see confidential_guests.h.
#include "system/control/startup/confidential_guests.h"

#include "target/i386/confidential/sw_protected_vm.h"
#include "util/log.h"

namespace vmm {

Result<std::unique_ptr<ConfidentialGuest>> make_confidential_guest(const qapi::ObjectOptions& object) {
    using Guest = std::unique_ptr<ConfidentialGuest>;
    if (const auto* options = std::get_if<qapi::SwProtectedVmProperties>(&object.u)) {
        const bool shared = options->default_memory == qapi::DefaultMemory::Shared;
        return Guest(
            std::make_unique<SwProtectedVm>(object.id, shared ? Visibility::Shared : Visibility::Private));
    }
    return Error::make("object '%s' is a %s, which does not protect guests", object.id.c_str(),
                       std::string(to_text(object.qom_type)).c_str());
}

void LaunchFinisher::run_changed(bool running, RunState) {
    if (!running || finished_) return;
    finished_ = true;
    Status done = guest_.finish();
    if (done) return;
    log_error("%s", done.error().message().c_str());
    requests_.request_exit(1);
}

}  // namespace vmm
