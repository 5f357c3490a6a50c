// GuestConversions: the conversion engine of this machine, how its vCPUs reach it, its part in a reset, and
// what becomes of a change of the memory map that the kernel's attributes could not follow: the machine stops
// with a report, as for memory slots. Only VMs with private memory have one.
#pragma once

#include <atomic>
#include <functional>
#include <thread>

#include "accel/kvm/engine_converter.h"
#include "system/memory/conversion.h"
#include "system/memory/visibility_model.h"
#include "system/run/requests.h"
#include "system/run/reset.h"

namespace vmm {

class GuestConversions final : public Resettable, private MemoryListener {
  public:
    // All borrowed. faults_ask: see kvm::GuestConverter.
    GuestConversions(AddressSpace& memory, AttributeSink& sink, MachineRequests& requests, bool faults_ask);
    ~GuestConversions() override;
    // Whether the memory that is mapped already could be made what it is; from now on failures are reported.
    Status start();
    // What goes wrong in this change of the map is the result instead. Main thread.
    Status attempt(const std::function<Status()>& change);

    // Every page back to its first visibility, before anything is loaded.
    void reset_enter() override;
    ConversionEngine& engine() { return engine_; }
    const ConversionEngine& engine() const { return engine_; }
    kvm::GuestConverter& converter() { return converter_; }
    ConversionLimit& limit() { return converter_.limit(); }

  private:
    // MemoryListener
    void commit(const FlatView& view) override;
    int priority() const override { return 20; }  // after the engine

    AddressSpace& memory_;
    VmWideAttributes model_;
    ConversionEngine engine_;
    kvm::EngineConverter converter_;
    MachineRequests& requests_;
    bool following_ = false;
    std::atomic<std::thread::id> attempting_{};
};

}  // namespace vmm
