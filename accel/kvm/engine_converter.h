// EngineConverter: the vCPUs' way to the conversion engine (system/memory/conversion.h). Translates outcomes
// and asks for pre-faulting where a conversion to private is usually followed by touching every page. What
// comes too fast waits.
// Thread-safe.
#pragma once

#include "accel/kvm/exit_memory_fault.h"
#include "system/memory/conversion.h"
#include "system/memory/conversion_limit.h"

namespace vmm::kvm {

class EngineConverter final : public GuestConverter {
  public:
    // The engine is borrowed and outlives the vCPUs.
    EngineConverter(ConversionEngine& engine, bool faults_ask, Prefault prefault = Prefault::No)
        : engine_(engine), faults_ask_(faults_ask), prefault_(prefault) {}
    ConversionLimit& limit() { return limit_; }
    const ConversionLimit& limit() const { return limit_; }
    Answer convert(GpaRange range, Visibility to) override;
    bool faults_ask() const override { return faults_ask_; }

  private:
    ConversionEngine& engine_;
    ConversionLimit limit_;
    const bool faults_ask_;
    const Prefault prefault_;
};

}  // namespace vmm::kvm
