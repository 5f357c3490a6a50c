// The slot table and its calls; see slots.h.
#include "accel/kvm/slots.h"

#include <algorithm>
#include <optional>

#include "accel/kvm/trace.h"
#include "util/scope_exit.h"

namespace vmm::kvm {

namespace {
constexpr uint32_t kSlotsAlwaysThere = 32;  // what every KVM has; more is asked for

bool before(const SlotSpec& a, const SlotSpec& b) {
    return a.range.first() < b.range.first();
}
}  // namespace

SlotTable::Change SlotTable::compare(const std::vector<SlotSpec>& plan) const {
    Change change;
    size_t next = 0;
    for (size_t i = 0; i < live_.size(); i++) {
        while (next < plan.size() && before(plan[next], live_[i].spec))
            change.added.push_back(plan[next++]);
        if (next < plan.size() && plan[next] == live_[i].spec) {
            next++;
        } else {
            change.gone.push_back(i);
        }
    }
    while (next < plan.size())
        change.added.push_back(plan[next++]);
    size_t candidate = 0;
    for (size_t i : change.gone) {
        const GpaRange gone = live_[i].spec.range;
        while (candidate < change.added.size() && change.added[candidate].range.last() < gone.first())
            candidate++;
        if (candidate < change.added.size() && change.added[candidate].range.overlaps(gone)) {
            change.replaces = true;
        }
    }
    return change;
}

Status SlotTable::apply(const std::vector<SlotSpec>& plan) {
    Change change = compare(plan);
    if (change.gone.empty() && change.added.empty()) return {};
    bool gated = change.replaces && gate_ != nullptr;
    if (gated) gate_->close();
    ScopeExit reopen([&] {
        if (gated) gate_->open();
    });

    std::optional<Error> first_error;
    auto note = [&](Status status) {
        if (!status && !first_error) first_error = std::move(status).take_error();
        return !first_error;
    };
    for (auto i = change.gone.rbegin(); i != change.gone.rend(); ++i) {
        if (!note(erase(live_[*i]))) break;
        live_.erase(live_.begin() + static_cast<ptrdiff_t>(*i));
    }
    for (const SlotSpec& spec : change.added) {
        if (first_error) break;
        note(add(spec));
    }
    if (first_error) return std::move(*first_error);
    return {};
}

void SlotTable::forget() {
    live_.clear();
    free_ids_.clear();
    next_id_ = 0;
}

Status SlotTable::erase(const Live& slot) {
    TRY(set(slot.spec, slot.id, 0));
    free_ids_.insert(slot.id);
    return {};
}

Status SlotTable::add(const SlotSpec& spec) {
    uint32_t id = TRY(take_id());
    Status done = set(spec, id, spec.range.size());
    if (!done) {
        free_ids_.insert(id);
        return done;
    }
    auto place = std::upper_bound(live_.begin(), live_.end(), spec,
                                  [](const SlotSpec& a, const Live& b) { return before(a, b.spec); });
    live_.insert(place, Live{spec, id});
    return {};
}

Result<uint32_t> SlotTable::take_id() {
    if (!free_ids_.empty()) return free_ids_.extract(free_ids_.begin()).value();
    if (next_id_ >= kSlotsAlwaysThere) {
        auto limit = static_cast<uint32_t>(vm_.capabilities().value(KVM_CAP_NR_MEMSLOTS));
        if (next_id_ >= limit) return Error::make("KVM: the memory map needs more than %u slots", limit);
    }
    return next_id_++;
}

Status SlotTable::set(const SlotSpec& spec, uint32_t id, uint64_t size) {
    uint32_t flags = 0;
    if (spec.readonly && size != 0) flags |= KVM_MEM_READONLY;
    if (spec.gmem_fd >= 0 && size != 0) flags |= abi::kMemGuestMemfd;
    Result<int> got = vm_.capabilities().has(abi::kCapUserMemory2) ? set_new(spec, id, flags, size)
                                                                   : set_old(spec, id, flags, size);
    trace_kvm_set_user_memory(id, flags, spec.range.first().raw(), size, spec.host_address, spec.gmem_fd,
                              spec.gmem_offset, got ? 0 : got.error().number());
    if (got) return {};
    return std::move(got).take_error().while_doing("could not %s guest memory 0x%llx..0x%llx%s",
                                                   size != 0 ? "map" : "unmap",
                                                   static_cast<unsigned long long>(spec.range.first().raw()),
                                                   static_cast<unsigned long long>(spec.range.last().raw()),
                                                   spec.gmem_fd >= 0 ? " with its guest_memfd" : "");
}

// The call of Linux 6.8 and later.
Result<int> SlotTable::set_new(const SlotSpec& spec, uint32_t id, uint32_t flags, uint64_t size) {
    abi::UserMemoryRegion2 argument{};
    argument.slot = id;
    argument.flags = flags;
    argument.guest_phys_addr = spec.range.first().raw();
    argument.memory_size = size;
    argument.userspace_addr = spec.host_address;
    if ((flags & abi::kMemGuestMemfd) != 0) {
        argument.guest_memfd = static_cast<uint32_t>(spec.gmem_fd);
        argument.guest_memfd_offset = spec.gmem_offset;
    }
    return vm_.ioctl<abi::kSetUserMemoryRegion2>(argument);
}

Result<int> SlotTable::set_old(const SlotSpec& spec, uint32_t id, uint32_t flags, uint64_t size) {
    if (spec.gmem_fd >= 0) return Error::make("KVM: this kernel's memory slots cannot hold a guest_memfd");
    kvm_userspace_memory_region argument{};
    argument.slot = id;
    argument.flags = flags;
    argument.guest_phys_addr = spec.range.first().raw();
    argument.memory_size = size;
    argument.userspace_addr = spec.host_address;
    return vm_.ioctl<KVM_SET_USER_MEMORY_REGION>(argument);
}

}  // namespace vmm::kvm
