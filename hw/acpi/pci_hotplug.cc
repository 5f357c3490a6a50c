// See pci_hotplug.h.
#include "hw/acpi/pci_hotplug.h"

#include <utility>

#include "hw/pci/function.h"
#include "util/bits.h"
#include "util/check.h"
#include "util/log.h"

namespace vmm::acpi {

namespace {

uint32_t slot_bit(pci::DevFn at) {
    return static_cast<uint32_t>(bit(at.device));
}

}  // namespace

unsigned PciHotplug::add_bus(pci::Bus& bus) {
    bus.set_hotplug(this);
    Locked lock(mutex_);
    buses_.push_back({&bus});
    return static_cast<unsigned>(buses_.size() - 1);
}

PciHotplug::Slots& PciHotplug::slots_of(const pci::Bus& bus) {
    for (Slots& slots : buses_)
        if (slots.bus == &bus) return slots;
    UNREACHABLE();
}

uint64_t PciHotplug::read(uint64_t offset, unsigned) {
    Locked lock(mutex_);
    if (offset == kSelect) return selected_;
    if (selected_ >= buses_.size()) return 0;
    Slots& slots = buses_[selected_];
    switch (offset) {
        case kUp:
            return std::exchange(slots.up, 0);
        case kDown:
            return slots.down;
        case kRemovable:
            return all_ones(4);
        default:
            return 0;
    }
}

void PciHotplug::write(uint64_t offset, uint64_t value, unsigned) {
    pci::Bus* bus = nullptr;
    {
        Locked lock(mutex_);
        if (offset == kSelect) {
            selected_ = static_cast<uint32_t>(value);
            return;
        }
        if (offset != kEject || selected_ >= buses_.size())
            return log_guest_error("ACPI PCI hot-plug: write of 0x%llx to register 0x%llx of bus %u",
                                   static_cast<unsigned long long>(value),
                                   static_cast<unsigned long long>(offset), selected_);
        buses_[selected_].down &= ~static_cast<uint32_t>(value);
        bus = buses_[selected_].bus;
    }
    let_go(*bus, static_cast<uint32_t>(value));
}

void PciHotplug::let_go(pci::Bus& bus, uint32_t slots) {
    for (pci::Function* function : bus.functions())
        if ((slots & slot_bit(function->devfn())) != 0) bus.release(*function);
}

void PciHotplug::arrived(pci::Bus& bus, pci::DevFn at) {
    if (at.function != 0) return;  // the slot is told of with its first function, which comes last
    {
        Locked lock(mutex_);
        slots_of(bus).up |= slot_bit(at);
    }
    raise_event_();
}

void PciHotplug::left(pci::Bus& bus, pci::DevFn from) {
    Locked lock(mutex_);
    Slots& slots = slots_of(bus);
    slots.up &= ~slot_bit(from);
    slots.down &= ~slot_bit(from);
}

Status PciHotplug::ask_removal(pci::Bus& bus, pci::DevFn at) {
    {
        Locked lock(mutex_);
        slots_of(bus).down |= slot_bit(at);
    }
    raise_event_();
    return {};
}

void PciHotplug::finish_removals(pci::Bus& bus) {
    uint32_t wanted = 0;
    {
        Locked lock(mutex_);
        wanted = std::exchange(slots_of(bus).down, 0);
    }
    if (wanted != 0) let_go(bus, wanted);
}

void PciHotplug::reset_enter() {
    Locked lock(mutex_);
    selected_ = 0;
    for (Slots& slots : buses_)
        slots.up = 0;
}

}  // namespace vmm::acpi
