// Kvm: the open /dev/kvm. Made once at start-up; says which VM types the host offers and makes VM
// descriptors. Every way this can fail has its own sentence and its own advice, because this is where users
// of a fresh host end up. Main thread, except capabilities().
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "accel/kvm/capabilities.h"
#include "util/fd.h"
#include "util/ioctl.h"
#include "util/result.h"

namespace vmm::kvm {

inline constexpr std::string_view kDefaultDevice = "/dev/kvm";

class Kvm {
  public:
    // Opens the device and checks that it speaks the one version of the interface. The door is borrowed.
    static Result<std::unique_ptr<Kvm>> open(IoctlDoor& door, const std::string& device);

    // The pieces, unchecked: use open().
    Kvm(IoctlDoor& door, Fd fd) : door_(door), fd_(std::move(fd)), capabilities_(door, fd_.get()) {}

    IoctlDoor& door() { return door_; }
    int fd() const { return fd_.get(); }
    Capabilities& capabilities() { return capabilities_; }

    // KVM_CREATE_VM. The name of the type is for messages ("sw-protected").
    Result<Fd> create_vm(uint32_t type, std::string_view type_name);
    // Bytes of a vCPU's shared page; asked once.
    Result<size_t> vcpu_mmap_size();

  private:
    IoctlDoor& door_;
    Fd fd_;
    Capabilities capabilities_;
    size_t vcpu_mmap_size_ = 0;
};

// The messages, apart from the calls so that they can be tested: why the device did not open, and why a VM
// type is not to be had (offered: mask of the types the host has).
Error device_error(const std::string& device, int number);
Error vm_type_error(uint32_t type, std::string_view type_name, uint32_t offered);

}  // namespace vmm::kvm
