// From the engine's outcomes to the answers a vCPU's loop understands.
#include "hw/i386/guest_conversions.h"

namespace vmm {

kvm::GuestConverter::Answer GuestConversions::convert(GpaRange range, Visibility to) {
    const ConversionResult result = engine_.convert(range, to);
    const std::string why = result.error ? result.error->message() : "";
    switch (result.outcome) {
        case ConversionOutcome::Done:
            return {result.bytes_changed != 0 ? Outcome::Done : Outcome::Unchanged, ""};
        case ConversionOutcome::GuestRefused:
            return {Outcome::Refused, why};
        case ConversionOutcome::HostFailed:
            return {Outcome::Failed, why};
        case ConversionOutcome::Inconsistent:
            requests_.report_internal_error("a conversion could not be taken back: " + why);
            return {Outcome::Failed, why};
    }
    UNREACHABLE();
}

void GuestConversions::reset_enter() {
    Status done = engine_.reset();
    if (!done) requests_.report_internal_error("reset: " + done.error().message());
}

}  // namespace vmm
