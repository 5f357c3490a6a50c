// Hot-plug of conventional slots in the DSDT: the bridges on the way to them, a device a slot with _EJ0, and
// the methods that find out what happened. The registers are those of hw/acpi/pci_hotplug. See
// acpi_dsdt_priv.h.
#include <string>

#include "hw/acpi/aml_resource.h"
#include "hw/i386/acpi_dsdt_priv.h"
#include "util/text.h"

namespace vmm {

using namespace aml;

namespace {

constexpr uint16_t kPort = 0xcc0, kPorts = 0x18;
constexpr unsigned kSlots = 32;
constexpr unsigned kInserted = 1, kEjectAsked = 3;  // of Notify

std::string name_of(unsigned devfn) {
    return strf("S%02X", devfn);
}

uint64_t address_of(unsigned devfn) {
    return uint64_t{devfn >> 3} << 16 | (devfn & 7);
}

Term slot_device(unsigned slot) {
    return device(name_of(slot << 3), {
                                          name("_ADR", integer(address_of(slot << 3))),
                                          name("_SUN", integer(slot)),
                                          method("_EJ0", 1, Serialization::NotSerialized,
                                                 {call("\\_SB.PCI0.PCEJ", {path("BSEL"), path("_SUN")})}),
                                      });
}

Term slots_of_bus(unsigned number) {
    Terms all = {name("BSEL", integer(number))};
    Terms tell;
    for (unsigned slot = 0; slot < kSlots; ++slot) {
        all.push_back(slot_device(slot));
        tell.push_back(if_then(bit_and(arg(0), integer(uint64_t{1} << slot)),
                               {notify(path(name_of(slot << 3)), arg(1))}));
    }
    all.push_back(method("DVNT", 2, Serialization::NotSerialized, tell));
    return block(all);
}

Terms body_of(const DsdtBridge& bridge) {
    Terms body;
    Terms count;
    if (bridge.hotplug_bus) {
        body.push_back(slots_of_bus(*bridge.hotplug_bus));
        count = {store(path("BSEL"), path("\\_SB.PCI0.BNUM")),
                 call("DVNT", {path("\\_SB.PCI0.PCIU"), integer(kInserted)}),
                 call("DVNT", {path("\\_SB.PCI0.PCID"), integer(kEjectAsked)})};
    }
    for (const DsdtBridge& below : bridge.below) {
        // A bridge in a slot has its device already, by its slot; one with several functions has its own.
        const bool by_slot = bridge.hotplug_bus && below.devfn % 8 == 0;
        Terms inner = body_of(below);
        if (!by_slot) inner.insert(inner.begin(), name("_ADR", integer(address_of(below.devfn))));
        body.push_back(by_slot ? scope(name_of(below.devfn), inner) : device(name_of(below.devfn), inner));
        count.push_back(call("^" + name_of(below.devfn) + ".PCNT", {}));
    }
    body.push_back(method("PCNT", 0, Serialization::NotSerialized, count));
    return body;
}

}  // namespace

Term pci_hotplug(const std::vector<DsdtBridge>& bridges) {
    const Term registers = block({
        device("PHPR",
               {
                   name("_HID", eisa_id("PNP0A06")),
                   name("_UID", string("PCI Hotplug resources")),
                   name("_STA", integer(0x0b)),
                   name("_CRS", resource_template({io_ports(kPort, 1, kPorts)})),
               }),
        operation_region("PCST", Space::SystemIo, kPort, 8),
        field("PCST", FieldAccess::DWord, FieldLock::NoLock, FieldUpdate::WriteAsZeros,
              {{"PCIU", 32}, {"PCID", 32}}),
        operation_region("SEJ", Space::SystemIo, kPort + 8, 4),
        field("SEJ", FieldAccess::DWord, FieldLock::NoLock, FieldUpdate::WriteAsZeros, {{"B0EJ", 32}}),
        operation_region("BNMR", Space::SystemIo, kPort + 16, 4),
        field("BNMR", FieldAccess::DWord, FieldLock::NoLock, FieldUpdate::WriteAsZeros, {{"BNUM", 32}}),
        mutex("BLCK", 0),
        method("PCEJ", 2, Serialization::NotSerialized,
               {
                   acquire("BLCK"),
                   store(arg(0), path("BNUM")),
                   store(shift_left(integer(1), arg(1)), path("B0EJ")),
                   release("BLCK"),
               }),
    });
    const Term event = scope("\\_GPE", {method("_E01", 0, Serialization::NotSerialized,
                                               {
                                                   acquire("\\_SB.PCI0.BLCK"),
                                                   call("\\_SB.PCI0.PCNT", {}),
                                                   release("\\_SB.PCI0.BLCK"),
                                               })});
    // The root bus: its bridges are ordinary devices.
    Terms body = {registers};
    for (Term& term : body_of({.devfn = 0, .hotplug_bus = {}, .below = bridges}))
        body.push_back(std::move(term));
    return block({scope("\\_SB.PCI0", body), event});
}

}  // namespace vmm
