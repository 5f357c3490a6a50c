// See isa_bus.h.
#include "hw/isa/isa_bus.h"

namespace vmm {

bool IsaBus::port_taken(uint16_t port) const {
    for (const Place& place : places_)
        if (port >= place.window.first && uint32_t{port} < place.window.first + place.window.size)
            return true;
    return false;
}

Status IsaBus::plug_in(Device& device) {
    for (const PortWindow& wanted : device.ports()) {
        for (const Place& place : places_) {
            const PortWindow& other = place.window;
            if (wanted.first < other.first + other.size && other.first < wanted.first + wanted.size)
                return Error::make("%s: I/O port 0x%x belongs to %s", std::string(device.type()).c_str(),
                                   std::max(wanted.first, other.first),
                                   std::string(place.owner.type()).c_str())
                    .with_hint("choose another iobase");
        }
    }
    for (const PortWindow& wanted : device.ports()) {
        Place& place = places_.emplace_back(device, wanted);
        topology_.add(io_, place.region, wanted.first);
    }
    return {};
}

void IsaBus::take_out(Device& device) {
    places_.remove_if([&](Place& place) {
        if (&place.owner != &device) return false;
        topology_.remove(place.region);
        return true;
    });
}

}  // namespace vmm
