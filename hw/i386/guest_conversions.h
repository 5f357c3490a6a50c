// GuestConversions: the conversion engine of this machine, as the vCPUs ask for it and as the machine resets
// it. Only VMs with private memory have one.
#pragma once

#include "accel/kvm/exit_memory_fault.h"
#include "system/memory/conversion.h"
#include "system/memory/visibility_model.h"
#include "system/run/requests.h"
#include "system/run/reset.h"

namespace vmm {

class GuestConversions final : public kvm::GuestConverter, public Resettable {
  public:
    // All borrowed.
    GuestConversions(AddressSpace& memory, AttributeSink& sink, MachineRequests& requests)
        : model_(sink), engine_(memory, sink, model_), requests_(requests) {}

    Answer convert(GpaRange range, Visibility to) override;
    // Every page back to its first visibility, before anything is loaded.
    void reset_enter() override;
    ConversionEngine& engine() { return engine_; }

  private:
    VmWideAttributes model_;
    ConversionEngine engine_;
    MachineRequests& requests_;
};

}  // namespace vmm
