// Capabilities: what one KVM descriptor (/dev/kvm or a VM) answers to KVM_CHECK_EXTENSION. Each number is
// asked the first time somebody wants it and remembered, so start-up pays only for what it uses. Answers that
// depend on the VM's type must be asked of the VM. Thread-safe.
#pragma once

#include <cstdint>
#include <map>

#include "util/ioctl.h"
#include "util/mutex.h"

namespace vmm::kvm {

class Capabilities {
  public:
    // The door is borrowed and outlives this.
    Capabilities(IoctlDoor& door, int fd) : door_(door), fd_(fd) {}

    // The descriptor is another one, of a VM of the same type: answers stay. -1: there is none for now.
    void set_descriptor(int fd);

    // The kernel's answer; 0 when it does not know the capability (or refuses to answer).
    int value(int capability);
    bool has(int capability) { return value(capability) > 0; }
    // For capabilities that answer with a mask.
    bool has_bits(int capability, uint64_t bits) {
        return (static_cast<uint64_t>(value(capability)) & bits) == bits;
    }

  private:
    IoctlDoor& door_;
    Mutex mutex_{LockRank::Leaf, "kvm capabilities"};
    int fd_ GUARDED_BY(mutex_);
    std::map<int, int> answers_ GUARDED_BY(mutex_);
};

}  // namespace vmm::kvm
