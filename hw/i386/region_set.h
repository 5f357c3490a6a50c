// RegionSet: the places of devices that do not map themselves: makes a region for a device's accesses, puts
// it into the memory or port space, and takes all of them out when it dies. Used while the board is made.
#pragma once

#include <deque>
#include <string>

#include "system/memory/region.h"
#include "system/memory/topology.h"

namespace vmm {

class RegionSet {
  public:
    // The topology outlives the set, and so do the accesses of what is added.
    explicit RegionSet(Topology& topology) : topology_(topology) {}
    ~RegionSet() {
        for (Place& place : places_)
            topology_.remove(place.region);
    }
    RegionSet(const RegionSet&) = delete;
    RegionSet& operator=(const RegionSet&) = delete;

    void add(MemoryRegion& space, std::string name, uint64_t address, uint64_t size, IoOps& ops,
             int priority = 0) {
        Place& place = places_.emplace_back(std::move(name), size, ops);
        topology_.add(space, place.region, address, priority);
    }

  private:
    struct Place {
        Place(std::string name, uint64_t size, IoOps& ops)
            : region(MemoryRegion::io(std::move(name), size, ops)) {}
        MemoryRegion region;
    };
    Topology& topology_;
    std::deque<Place> places_;
};

}  // namespace vmm
