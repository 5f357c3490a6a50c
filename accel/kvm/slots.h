// SlotTable: the VM's memory slots as the kernel has them, and the calls that change them. apply() makes the
// kernel's table equal to a plan with as few calls as that takes: slots that stay are not touched, all
// deletions come before all additions, ids are used again. A slot is never changed in place: one with a
// guest_memfd is immutable in the kernel, and for the others delete and add is what the kernel would do as
// well. Attributes are not the slots' business. Not thread-safe: called under the topology lock.
#pragma once

#include <set>
#include <vector>

#include "accel/kvm/guest_gate.h"
#include "accel/kvm/slot_plan.h"
#include "accel/kvm/vm.h"

namespace vmm::kvm {

class SlotTable {
  public:
    // The VM is borrowed and outlives the table.
    explicit SlotTable(Vm& vm) : vm_(vm) {}
    // Closed while memory that stays mapped is re-slotted; borrowed, may be absent (before there are vCPUs).
    void set_gate(GuestGate* gate) { gate_ = gate; }

    // On failure the table holds what the kernel holds, and as much of the plan as went in.
    Status apply(const std::vector<SlotSpec>& plan);
    // The VM is a new one and has no slots.
    void forget();
    size_t live() const { return live_.size(); }

  private:
    struct Live {
        SlotSpec spec;
        uint32_t id;
    };
    struct Change {
        std::vector<size_t> gone;  // indices into live_
        std::vector<SlotSpec> added;
        bool replaces = false;  // some address leaves one slot for another
    };
    Change compare(const std::vector<SlotSpec>& plan) const;
    Status erase(const Live& slot);
    Status add(const SlotSpec& spec);
    Result<uint32_t> take_id();
    Status set(const SlotSpec& spec, uint32_t id, uint64_t size);
    Result<int> set_new(const SlotSpec& spec, uint32_t id, uint32_t flags, uint64_t size);
    Result<int> set_old(const SlotSpec& spec, uint32_t id, uint32_t flags, uint64_t size);

    Vm& vm_;
    GuestGate* gate_ = nullptr;
    std::vector<Live> live_;       // sorted by address
    std::set<uint32_t> free_ids_;  // below next_id_
    uint32_t next_id_ = 0;
};

}  // namespace vmm::kvm
