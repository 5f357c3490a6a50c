// EngineConverter: the conversion engine as the vCPUs' exits see it. Header only; thread-safe as the engine
// is.
#pragma once

#include "accel/kvm/exit_memory_fault.h"
#include "system/memory/conversion.h"

namespace vmm::kvm {

class EngineConverter final : public GuestConverter {
  public:
    // prefault: what turns private is populated at once, where the kernel can (one more call a conversion,
    // which saves the guest an exit a page). The engine outlives this.
    EngineConverter(ConversionEngine& engine, Prefault prefault) : engine_(engine), prefault_(prefault) {}

    Answer convert(GpaRange range, Visibility to) override {
        ConversionResult result = engine_.convert(range, to, prefault_);
        std::string why = result.error ? result.error->message() : std::string();
        switch (result.outcome) {
            case ConversionOutcome::Done:
                return {result.bytes_changed != 0 ? Outcome::Done : Outcome::Unchanged, {}};
            case ConversionOutcome::GuestRefused:
                return {Outcome::Refused, std::move(why)};
            case ConversionOutcome::HostFailed:
                return {Outcome::Failed, std::move(why)};
            case ConversionOutcome::Inconsistent:
                return {Outcome::Inconsistent, std::move(why)};
        }
        UNREACHABLE();
    }

  private:
    ConversionEngine& engine_;
    const Prefault prefault_;
};

}  // namespace vmm::kvm
