// The panic port; see pvpanic.h.
#include "hw/misc/pvpanic.h"

#include "util/log.h"

namespace vmm {

void PvPanic::write(uint64_t, uint64_t value, unsigned) {
    auto events = static_cast<uint8_t>(value);
    if ((events & ~config_.events) != 0) log_guest_error("pvpanic: events 0x%x are not known", events);
    events &= config_.events;
    if ((events & kPanicked) != 0) return requests_.request_shutdown(ShutdownCause::GuestPanic);
    if ((events & kCrashLoaded) != 0) requests_.report_crash_loaded();
    if ((events & kShutdown) != 0) requests_.request_shutdown(ShutdownCause::GuestShutdown);
}

}  // namespace vmm
