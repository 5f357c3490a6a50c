// GuestConversions: the conversion engine of this machine, how its vCPUs reach it, and its part in a reset.
// Only VMs with private memory have one.
#pragma once

#include "accel/kvm/engine_converter.h"
#include "system/memory/conversion.h"
#include "system/memory/visibility_model.h"
#include "system/run/requests.h"
#include "system/run/reset.h"

namespace vmm {

class GuestConversions final : public Resettable {
  public:
    // All borrowed. faults_ask: see kvm::GuestConverter.
    GuestConversions(AddressSpace& memory, AttributeSink& sink, MachineRequests& requests, bool faults_ask)
        : model_(sink), engine_(memory, sink, model_), converter_(engine_, faults_ask), requests_(requests) {}

    // Every page back to its first visibility, before anything is loaded.
    void reset_enter() override;
    ConversionEngine& engine() { return engine_; }
    const ConversionEngine& engine() const { return engine_; }
    kvm::GuestConverter& converter() { return converter_; }
    ConversionLimit& limit() { return converter_.limit(); }

  private:
    VmWideAttributes model_;
    ConversionEngine engine_;
    kvm::EngineConverter converter_;
    MachineRequests& requests_;
};

}  // namespace vmm
