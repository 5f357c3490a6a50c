// RamRegistry: every RAM block of a machine, by id and by host address. Blocks enter once they are whole and
// leave before they go; the registry owns none. Thread-safe (a leaf lock).
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "system/memory/ram_block.h"
#include "util/mutex.h"
#include "util/result.h"

namespace vmm {

struct RamPlace {
    RamBlock* block = nullptr;
    RamOffset offset = RamOffset(0);
};

class RamRegistry {
  public:
    // Fails when the id is taken.
    Status add(RamBlock& block);
    void remove(RamBlock& block);
    RamBlock* find(std::string_view id) const;  // null: none
    // The block that holds the host address (block null: none).
    RamPlace find_host(const void* address) const;
    // In the order they were added.
    std::vector<RamBlock*> blocks() const;

  private:
    mutable Mutex mutex_{LockRank::Leaf, "RAM registry"};
    std::vector<RamBlock*> blocks_ GUARDED_BY(mutex_);
};

}  // namespace vmm
