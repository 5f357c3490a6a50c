// The machine's conversions at reset; see guest_conversions.h.
#include "hw/i386/guest_conversions.h"

namespace vmm {

void GuestConversions::reset_enter() {
    Status done = engine_.reset();
    if (!done) requests_.report_internal_error("reset: " + done.error().message());
}

}  // namespace vmm
