// Vm: one VM descriptor. Makes its guest_memfds (GmemFactory), enables capabilities and lends the typed call
// to the parts that use the VM: slots, attributes, interrupt chips, vCPUs. Knows nothing about any of them.
// The descriptor lives until every guest_memfd made from it is closed as well: the kernel keeps the VM for
// them. ioctl() and capabilities() may be used from any thread.
#pragma once

#include <memory>
#include <vector>

#include "accel/kvm/capabilities.h"
#include "accel/kvm/ioctls.h"
#include "accel/kvm/kvm.h"
#include "accel/kvm/stats.h"
#include "accel/vm.h"
#include "system/memory/gmem.h"

namespace vmm::kvm {

class Vm final : public GmemFactory {
  public:
    // Kvm is borrowed and outlives the VM.
    static Result<std::unique_ptr<Vm>> create(Kvm& kvm, const VmRequirements& needs);

    // The pieces, unchecked: use create().
    Vm(Kvm& kvm, Fd fd, uint32_t type, std::string_view type_name = "default")
        : kvm_(kvm),
          door_(kvm.door()),
          fd_(std::move(fd)),
          type_(type),
          type_name_(type_name),
          capabilities_(kvm.door(), fd_.get()) {}

    // For a reset that takes a new VM: closes this one with its guest_memfds (vCPUs were let go of before),
    // so that nothing holds it; then makes another of the same type, with guest_memfds that are empty.
    // Whoever knows the VM by this object goes on, whoever told it something tells it again. Between the two,
    // and after a failure, every call fails with EBADF. Main thread, no vCPU running.
    void let_go();
    Status renew();
    bool gone() const { return !fd_; }

    Kvm& kvm() { return kvm_; }
    IoctlDoor& door() { return door_; }
    int fd() const { return fd_.get(); }
    Capabilities& capabilities() { return capabilities_; }
    // What the kernel counts of the whole VM. Main thread.
    StatsFile& stats() { return stats_; }
    uint32_t type() const { return type_; }
    // Whether ranges of this VM can be private: it is of a type that has them, and the kernel says so.
    bool has_private_memory();

    template <unsigned long Request, typename... Argument>
    Result<int> ioctl(Argument&&... argument) {
        return ioctl_call<Request>(door(), fd(), std::forward<Argument>(argument)...);
    }
    // KVM_ENABLE_CAP with one argument; the error names the capability.
    Status enable(int capability, const char* name, uint64_t argument = 0);

    Result<Fd> create_guest_memfd(const GmemRequest& request) override;
    void gmem_made(Gmem& gmem) override { gmems_.push_back(&gmem); }
    void gmem_gone(Gmem& gmem) override { std::erase(gmems_, &gmem); }

  private:
    Status check_guest_memfd(uint64_t flags);

    Kvm& kvm_;
    IoctlDoor& door_;
    Fd fd_;
    const uint32_t type_;
    const std::string_view type_name_;
    std::vector<Gmem*> gmems_;
    StatsFile stats_;
    Capabilities capabilities_;
};

}  // namespace vmm::kvm
