// See requester.h.
#include "hw/pci/requester.h"

#include "hw/pci/bridge.h"
#include "hw/pci/bus.h"
#include "hw/pci/config_space.h"

namespace vmm::pci {

uint16_t requester_of(const Function& function) {
    uint16_t id = function.address().raw();
    for (const Bus* bus = function.bus(); bus != nullptr && bus->bridge() != nullptr;
         bus = bus->bridge()->bus()) {
        if (bus->kind() != BusKind::Conventional) continue;
        const Bridge& bridge = *bus->bridge();
        const bool express = bridge.config_size() > kConventionalSize;
        id = express ? Address{bus->number(), {}}.raw() : bridge.address().raw();
    }
    return id;
}

std::optional<Gpa> Requester::translate(Gpa address, bool write) {
    Bus* bus = function_.bus();
    Iommu* unit = bus == nullptr ? nullptr : bus->iommu();
    return unit == nullptr ? address : unit->translate(requester_of(function_), address, write);
}

}  // namespace vmm::pci
