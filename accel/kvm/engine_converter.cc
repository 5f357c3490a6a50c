// Outcomes of the engine as the exits want them; see engine_converter.h.
#include "accel/kvm/engine_converter.h"

#include "accel/kvm/trace.h"

namespace vmm::kvm {

namespace {

[[gnu::cold]] GuestConverter::Outcome bad_outcome(ConversionOutcome outcome) {
    switch (outcome) {
        case ConversionOutcome::GuestRefused:
            return GuestConverter::Outcome::Refused;
        case ConversionOutcome::HostFailed:
            return GuestConverter::Outcome::Failed;
        case ConversionOutcome::Done:
        case ConversionOutcome::Inconsistent:
            break;
    }
    return GuestConverter::Outcome::Inconsistent;
}

}  // namespace

[[gnu::hot]] GuestConverter::Answer EngineConverter::convert(GpaRange range, Visibility to) {
    trace_kvm_convert_memory(range.first().raw(), range.size(), visibility_name(to));
    limit_.pass();
    ConversionResult result =
        engine_.convert(range, to, to == Visibility::Private ? prefault_ : Prefault::No);
    if (result.outcome == ConversionOutcome::Done) [[likely]]
        return {result.bytes_changed != 0 ? Outcome::Done : Outcome::Unchanged, {}};
    return {bad_outcome(result.outcome), std::move(result.error)};
}

}  // namespace vmm::kvm
