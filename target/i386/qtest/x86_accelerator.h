// X86Accelerator without CPUs, for -accel qtest; see target/i386/x86_accelerator.h. Every feature can be
// asked of its CPUs, since nothing ever executes them. Made by start-up.
#pragma once

#include "accel/qtest/accelerator.h"
#include "target/i386/x86_accelerator.h"

namespace vmm::qtest {

class X86Accelerator final : public vmm::X86Accelerator {
  public:
    explicit X86Accelerator(EventLoop& loop) : accelerator_(loop) {}

    Accelerator& accelerator() override { return accelerator_; }
    Status prepare(const X86VmOptions& options) override;
    Result<HostCpu> host_cpu(HostIdentity identity, bool hypercalls_answered) override;
    IrqLine external_interrupt() override { return {}; }
    void connect_pic(ExternalInterrupts&) override {}
    std::unique_ptr<Resettable> kernel_chips(bool has_pit) override;
    Status create_kernel_pit(LostTicks lost_ticks) override;
    Status set_kernel_pit_replaced(bool replaced) override;
    Status add_cpu(X86CpuSetup setup, const GuestWorld& world) override;
    Status rebuild() override { return Error::make("-accel qtest has no VM that could be made anew"); }
    Status launch(LaunchMedia&) override { return {}; }
    Status plug_cpu(X86CpuSetup setup, const GuestWorld& world) override;
    void unplug_cpu(unsigned index) override;
    Result<std::string> local_apic(VcpuId) override { return no_chips(); }
    Result<std::string> kernel_chips_text() override { return no_chips(); }
    Result<X86Registers> registers(VcpuId) override { return X86Registers(); }

  private:
    static Error no_chips() { return Error::make("-accel qtest has no interrupt controllers of its own"); }

    Accelerator accelerator_;
};

}  // namespace vmm::qtest
