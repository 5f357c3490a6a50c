// AddressSpace: a root region and its published FlatView - guest-physical memory, or the I/O ports. Accesses
// go through a Lookup, which each thread that accesses often (a vCPU) owns: it keeps its own reference to the
// view and looks at a generation, so that a lookup takes no lock. Others use the AddressSpace's own calls,
// which take a leaf lock for the time of copying a pointer.
//
// Reads of what nothing answers give all ones, writes to it do nothing (bus policy, access.cc).
#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "system/memory/access.h"
#include "system/memory/flat_view.h"
#include "system/memory/read_count.h"
#include "util/mutex.h"

namespace vmm {

class MemoryListener;
class MemoryRegion;
class Topology;

class AddressSpace {
  public:
    // Topology and root outlive the space.
    AddressSpace(Topology& topology, MemoryRegion& root, std::string name);
    ~AddressSpace();
    AddressSpace(const AddressSpace&) = delete;
    AddressSpace& operator=(const AddressSpace&) = delete;

    class Lookup {
      public:
        explicit Lookup(AddressSpace& space) : space_(space) {}
        // The present view; good until the next call.
        const FlatView& view() {
            if (space_.generation_.load(std::memory_order_acquire) != generation_) [[unlikely]]
                renew();
            return *view_;
        }
        const FlatSection* find(Gpa address) {
            const FlatView& now = view();
            if (last_ != nullptr && last_->range.contains(address)) return last_;
            return find_another(now, address);
        }
        // Of the view that was looked at last; differs for different views.
        uint64_t generation() const { return generation_; }

        AccessResult read(Gpa address, std::span<uint8_t> into);
        AccessResult write(Gpa address, std::span<const uint8_t> from);
        // 1 to 8 bytes, little-endian.
        uint64_t load(Gpa address, unsigned size);
        void store(Gpa address, uint64_t value, unsigned size);

      private:
        void renew();
        const FlatSection* find_another(const FlatView& now, Gpa address);

        AddressSpace& space_;
        uint64_t generation_ = 0;
        FlatViewPtr view_;
        const FlatSection* last_ = nullptr;  // found last, in view_
    };

    const std::string& name() const { return name_; }
    MemoryRegion& root() const { return root_; }
    Topology& topology() const { return topology_; }
    FlatViewPtr view() const;

    // For threads that access seldom.
    AccessResult read(Gpa address, std::span<uint8_t> into) const;
    AccessResult write(Gpa address, std::span<const uint8_t> from) const;
    uint64_t load(Gpa address, unsigned size) const;
    void store(Gpa address, uint64_t value, unsigned size) const;

    // What devices read through it (dma_space.h), in debug builds; see read_count.h.
    ReadCounter reads;

    // Told the present view as additions, then every change. Outlives its stay here.
    void add_listener(MemoryListener& listener);
    enum class Farewell { TellRemovals, Silent };
    void remove_listener(MemoryListener& listener, Farewell farewell = Farewell::TellRemovals);

  private:
    friend class Topology;
    void update();  // re-render, tell, publish; topology lock held
    void publish(FlatViewPtr view);

    Topology& topology_;
    MemoryRegion& root_;
    const std::string name_;
    std::vector<MemoryListener*> listeners_;  // by priority; guarded by the topology lock
    mutable Mutex view_mutex_{LockRank::Leaf, "address space view"};
    FlatViewPtr view_ GUARDED_BY(view_mutex_);
    std::atomic<uint64_t> generation_{1};
};

}  // namespace vmm
