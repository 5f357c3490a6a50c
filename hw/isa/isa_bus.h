// IsaBus: the bus "isa.0" behind the LPC bridge: maps the I/O ports of what is plugged into it and refuses
// devices that want ports of another. The board's own chips have their places outside it. Main thread.
#pragma once

#include <list>
#include <string>

#include "hw/core/bus.h"
#include "system/memory/region.h"
#include "system/memory/topology.h"

namespace vmm {

class IsaBus final : public DeviceBus {
  public:
    // The spaces outlive the bus.
    IsaBus(Topology& topology, MemoryRegion& io) : DeviceBus("isa.0", "ISA"), topology_(topology), io_(io) {}
    bool port_taken(uint16_t port) const;

  private:
    struct Place {
        Place(Device& user, const PortWindow& ports)
            : owner(user), window(ports), region(MemoryRegion::io(ports.name, ports.size, *ports.ops)) {}
        Device& owner;
        const PortWindow window;
        MemoryRegion region;
    };
    Status plug_in(Device& device) override;
    void take_out(Device& device) override;

    Topology& topology_;
    MemoryRegion& io_;
    std::list<Place> places_;
};

}  // namespace vmm
