// VcpuArch: what a processor architecture supplies to the vCPU loop. accel/kvm owns the loop and the generic
// exits; target/i386/kvm implements this. One object per vCPU; every call is made on the vCPU's thread, or on
// the main thread while the vCPU is paused. Header only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "util/result.h"

namespace vmm {
struct GuestWorld;
}

namespace vmm::kvm {

class Vcpu;

// What the vCPU does after an exit was served.
enum class ExitAction : uint8_t {
    Resume,  // back into the guest
    Halt,    // out of the guest until kicked
    Park,    // out of the guest until the machine is resumed (an error was reported, a reset asked for)
};

// All: with those of floating point and vectors.
enum class RegisterDetail : uint8_t { General, All };

class VcpuArch {
  public:
    virtual ~VcpuArch() = default;
    // Once, after the vCPU was made: what never changes (CPUID). Main thread.
    virtual Status prepare(Vcpu& vcpu) = 0;
    // The vCPU is a new one in a new VM: prepare() follows. Main thread.
    virtual void renewed() {}
    // Loads the state after power-on or reset. Main thread, vCPU paused.
    virtual Status reset(Vcpu& vcpu) = 0;
    // Around each KVM_RUN; in the fast path.
    virtual void before_run(Vcpu& vcpu) = 0;
    // Exits that only this architecture has; empty: not known here either.
    virtual std::optional<ExitAction> handle_exit(Vcpu& vcpu, const GuestWorld& world) = 0;
    // The registers as text, for reports. On the vCPU's thread.
    virtual std::string registers(Vcpu& vcpu, RegisterDetail detail) = 0;
};

}  // namespace vmm::kvm
