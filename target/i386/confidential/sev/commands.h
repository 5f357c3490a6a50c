// SEV's commands to the kernel, with errors that say what to do: those of a VM (KVM_MEMORY_ENCRYPT_OP) and
// those of the secure processor (/dev/sev). Main thread.
#pragma once

#include <optional>
#include <string>

#include "accel/kvm/vm.h"
#include "linux-headers/sev_abi.h"
#include "util/fd.h"

namespace vmm::sev {

// The open device; its descriptor goes with every command of a VM.
class Device {
  public:
    static Result<Device> open(IoctlDoor& door, const std::string& path);
    int fd() const { return fd_.get(); }
    Result<abi::SevPlatformStatus> status();
    // A command of the secure processor: its data are read and written.
    Status command(uint32_t number, const char* name, void* data, uint32_t* firmware_error = nullptr);

  private:
    Device(IoctlDoor& door, Fd fd) : door_(&door), fd_(std::move(fd)) {}
    IoctlDoor* door_;
    Fd fd_;
};

// Why the secure processor refused, as text; "" for numbers without a name here.
const char* firmware_error_text(uint32_t error);

class Commands {
  public:
    // Both outlive this.
    Commands(kvm::Vm& vm, int sev_fd) : vm_(vm), sev_fd_(sev_fd) {}
    // One try. The firmware's answer is in firmware_error() afterwards, also of refused commands.
    Result<int> try_call(abi::SevCommand command, void* data);
    // The same, again and again while the kernel asks for it.
    Result<int> insist(abi::SevCommand command, void* data);
    // The same with an error that names the command.
    Status call(abi::SevCommand command, void* data);
    uint32_t firmware_error() const { return firmware_error_; }
    // The error of a refused command.
    Error describe(abi::SevCommand command, Error error) const;

  private:
    kvm::Vm& vm_;
    const int sev_fd_;
    uint32_t firmware_error_ = 0;
};

// What /dev/kvm says of SEV; empty when the kernel is too old to say.
std::optional<uint64_t> device_attribute(kvm::Kvm& kvm, uint64_t attribute);

}  // namespace vmm::sev
