// Topology: the one owner of changes to the memory tree. Each change (or each outermost Transaction, which
// makes several changes one) re-renders every AddressSpace, tells its listeners what differs, publishes the
// new views and bumps the generation. Thread-safe: one mutex of rank MemoryMap, held for a Transaction's
// whole life by its thread; a device may change the map with its own lock held.
//
//     Topology::Transaction transaction(topology);
//     topology.set_enabled(rom_window, false);
//     topology.set_enabled(ram_window, true);
//
// Outlives every region that was ever in the tree, and every AddressSpace.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "system/memory/region.h"
#include "util/mutex.h"

namespace vmm {

class AddressSpace;
class MemoryListener;

class Topology {
  public:
    Topology() = default;
    Topology(const Topology&) = delete;
    Topology& operator=(const Topology&) = delete;
    ~Topology();

    // Transactions of one thread nest; the outermost commits when it ends.
    class [[nodiscard]] Transaction {
      public:
        explicit Transaction(Topology& topology) : topology_(topology) { topology_.begin(); }
        ~Transaction() { topology_.end(); }
        Transaction(const Transaction&) = delete;
        Transaction& operator=(const Transaction&) = delete;

      private:
        Topology& topology_;
    };

    // Of two children at one address the higher priority answers; of equals, the one added last.
    void add(MemoryRegion& parent, MemoryRegion& child, uint64_t offset, int priority = 0);
    // Does nothing when the region is in no parent.
    void remove(MemoryRegion& child);
    void set_enabled(MemoryRegion& region, bool enabled);
    void set_offset(MemoryRegion& region, uint64_t offset);
    // Of a container, alias or io region.
    void set_size(MemoryRegion& region, uint64_t size);
    // On a container or alias: of all that it shows.
    void set_readonly(MemoryRegion& region, bool readonly);
    void set_alias_offset(MemoryRegion& alias, uint64_t offset);
    void set_rom_device_mode(MemoryRegion& region, RomDeviceMode mode);

    // How often views were published; for tests and traces.
    uint64_t generation() const { return generation_.load(std::memory_order_acquire); }

  private:
    friend class AddressSpace;
    friend class MemoryRegion;
    void begin();
    void end();
    void commit();
    void attach(AddressSpace& space);
    void detach(AddressSpace& space);
    void forget(MemoryRegion& region);  // the region is being destroyed
    static void insert_child(MemoryRegion& parent, MemoryRegion& child);
    static void erase_child(MemoryRegion& child);

    Mutex mutex_{LockRank::MemoryMap, "topology"};
    std::atomic<std::thread::id> owner_{};  // the thread that holds mutex_
    unsigned depth_ = 0;
    bool changed_ = false;
    std::vector<AddressSpace*> spaces_;
    std::atomic<uint64_t> generation_{0};
};

}  // namespace vmm
