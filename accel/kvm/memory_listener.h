// SlotListener: follows an address space and keeps the VM's slots equal to its RAM. All changes of one commit
// become one SlotTable::apply(). Called by Topology with its lock held.
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <thread>
#include <vector>

#include "accel/kvm/slots.h"
#include "system/memory/listener.h"

namespace vmm {
class MachineRequests;
}

namespace vmm::kvm {

// Whether the kernel takes slots that the guest cannot write: not for a VM whose state is protected.
enum class ReadOnlySlots : uint8_t { Allowed, Forbidden };

// The RAM of a view as the slot planner wants it: what is read without an exit. Memory that has a guest_memfd
// cannot be read-only in the kernel: a read-only window onto it shows the host's side only. Where read-only
// slots are forbidden, such pieces are left out: each access exits and is served by the memory map.
std::vector<SlotSpec> ram_pieces(const FlatView& view, ReadOnlySlots readonly = ReadOnlySlots::Allowed);

class SlotListener final : public MemoryListener {
  public:
    explicit SlotListener(SlotTable& table) : table_(table) {}
    // From now on a failing change stops the machine with a report; before, it waits in take_error().
    void set_requests(MachineRequests* requests) { requests_ = requests; }
    // Before the first map.
    void set_readonly_slots(ReadOnlySlots readonly) { readonly_ = readonly; }
    // What went wrong at start-up, once.
    Status take_error();

    // What goes wrong in this thread's change is the result instead.
    Status attempt(const std::function<void()>& change);

    void commit(const FlatView& view) override;
    // The VM is a new one: makes all slots again.
    Status renew(const FlatView& view);

  private:
    SlotTable& table_;
    ReadOnlySlots readonly_ = ReadOnlySlots::Allowed;
    MachineRequests* requests_ = nullptr;
    std::optional<Error> error_;
    std::atomic<std::thread::id> attempting_{};
    std::optional<Error> attempt_error_;  // of that thread
};

}  // namespace vmm::kvm
