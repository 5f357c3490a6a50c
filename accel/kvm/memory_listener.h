// SlotListener: follows an address space and keeps the VM's slots equal to its RAM. All changes of one commit
// become one SlotTable::apply(). Called by Topology with its lock held.
#pragma once

#include <optional>
#include <vector>

#include "accel/kvm/slots.h"
#include "system/memory/listener.h"

namespace vmm {
class MachineRequests;
}

namespace vmm::kvm {

// The RAM of a view as the slot planner wants it: what is read without an exit. Memory that has a guest_memfd
// cannot be read-only in the kernel: a read-only window onto it shows the host's side only.
std::vector<SlotSpec> ram_pieces(const FlatView& view);

class SlotListener final : public MemoryListener {
  public:
    explicit SlotListener(SlotTable& table) : table_(table) {}
    // From now on a failing change stops the machine with a report; before, it waits in take_error().
    void set_requests(MachineRequests* requests) { requests_ = requests; }
    // What went wrong at start-up, once.
    Status take_error();

    void commit(const FlatView& view) override;

  private:
    SlotTable& table_;
    MachineRequests* requests_ = nullptr;
    std::optional<Error> error_;
};

}  // namespace vmm::kvm
