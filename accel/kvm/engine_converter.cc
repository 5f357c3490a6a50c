// Outcomes of the engine as the exits want them; see engine_converter.h.
#include "accel/kvm/engine_converter.h"

namespace vmm::kvm {

[[gnu::hot]] GuestConverter::Answer EngineConverter::convert(GpaRange range, Visibility to) {
    limit_.pass();
    ConversionResult result =
        engine_.convert(range, to, to == Visibility::Private ? prefault_ : Prefault::No);
    Answer answer;
    if (result.error) answer.why = result.error->text();
    switch (result.outcome) {
        case ConversionOutcome::Done:
            answer.outcome = result.bytes_changed != 0 ? Outcome::Done : Outcome::Unchanged;
            break;
        case ConversionOutcome::GuestRefused:
            answer.outcome = Outcome::Refused;
            break;
        case ConversionOutcome::HostFailed:
            answer.outcome = Outcome::Failed;
            break;
        case ConversionOutcome::Inconsistent:
            answer.outcome = Outcome::Inconsistent;
            break;
    }
    return answer;
}

}  // namespace vmm::kvm
