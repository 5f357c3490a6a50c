// GuestGate: holds every vCPU out of guest code for a moment, without pausing the machine. The memory map
// takes it while a piece of memory that stays is out of the kernel's slots, because a guest that ran from or
// touched that piece meanwhile would fail. May be closed with locks held: a vCPU inside the gate is inside
// KVM_RUN, where it holds none and waits for none of ours. Header only; VcpuSet implements it.
#pragma once

namespace vmm::kvm {

class GuestGate {
  public:
    virtual ~GuestGate() = default;
    // Returns when no vCPU is in KVM_RUN; none enters until open(). Does not nest.
    virtual void close() = 0;
    virtual void open() = 0;
};

}  // namespace vmm::kvm
