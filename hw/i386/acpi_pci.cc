// The PCI half of the DSDT; see acpi_dsdt_priv.h.
#include <string>

#include "hw/acpi/aml_resource.h"
#include "hw/i386/acpi_dsdt_priv.h"
#include "util/align.h"
#include "util/check.h"
#include "util/text.h"

namespace vmm {

using namespace aml;

namespace {

constexpr unsigned kSlots = 32, kPins = 4, kLines = 8;
constexpr unsigned kFirstPirqGsi = 16;
constexpr uint64_t kRouteOff = 0x80;  // a route register: bit 7 off, bits 3-0 the line

std::string link_name(const char* prefix, unsigned line) {
    return strf("%s%c", prefix, 'A' + static_cast<int>(line));
}

Descriptor pci_interrupts(const std::vector<uint32_t>& gsis) {
    return interrupts(gsis, Trigger::Level, Polarity::ActiveHigh, Sharing::Shared);
}

// Bytes before the interrupt number in the descriptor that pci_interrupts() makes.
constexpr unsigned kInterruptNumberOffset = 5;

Term pic_link(unsigned line) {
    const std::string reg = "\\_SB.PCI0.LPC." + link_name("PRQ", line);
    return device(
        link_name("LNK", line),
        {
            name("_HID", eisa_id("PNP0C0F")),
            name("_UID", integer(line)),
            name("_PRS", resource_template({pci_interrupts({5, 10, 11})})),
            method("_STA", 0, Serialization::NotSerialized, {return_value(call("IQST", {path(reg)}))}),
            method("_DIS", 0, Serialization::NotSerialized,
                   {bit_or(path(reg), integer(kRouteOff), path(reg))}),
            method("_CRS", 0, Serialization::NotSerialized, {return_value(call("IQCR", {path(reg)}))}),
            method("_SRS", 1, Serialization::Serialized,
                   {
                       create_field(4, arg(0), integer(kInterruptNumberOffset), "PRRI"),
                       store(path("PRRI"), path(reg)),
                   }),
        });
}

Term apic_link(unsigned line) {
    const Term fixed = resource_template({pci_interrupts({kFirstPirqGsi + line})});
    return device(link_name("GSI", line), {
                                              name("_HID", eisa_id("PNP0C0F")),
                                              name("_UID", integer(16 + line)),
                                              name("_PRS", fixed),
                                              name("_CRS", fixed),
                                              method("_DIS", 0, Serialization::NotSerialized, {}),
                                              method("_SRS", 1, Serialization::NotSerialized, {}),
                                          });
}

Term routes(const char* table, const char* link_prefix) {
    Terms entries;
    for (unsigned slot = 0; slot < kSlots; ++slot)
        for (unsigned pin = 0; pin < kPins; ++pin)
            entries.push_back(package({
                integer(slot << 16 | 0xffff),
                integer(pin),
                path("\\_SB." + link_name(link_prefix, q35_pirq(slot, pin))),
                integer(0),
            }));
    return name(table, package(entries));
}

// Which PCIe features the system may own; PCI Firmware 3.2, 4.5.1: masks what it asked for.
Term osc_method(uint32_t granted) {
    constexpr unsigned kUnrecognizedUuid = 4, kUnrecognizedRevision = 8, kMasked = 16;
    auto flag = [](unsigned bits) { return bit_or(path("CDW1"), integer(bits), path("CDW1")); };
    return method("_OSC", 4, Serialization::Serialized,
                  {
                      create_field(4, arg(3), integer(0), "CDW1"),
                      if_then(equal(arg(0), uuid("33db4d5b-1ff7-401c-9657-7441c03dd766")),
                              {
                                  create_field(4, arg(3), integer(8), "CDW3"),
                                  bit_and(path("CDW3"), integer(granted), local(0)),
                                  if_then(not_equal(arg(1), integer(1)), {flag(kUnrecognizedRevision)}),
                                  if_then(not_equal(path("CDW3"), local(0)), {flag(kMasked)}),
                                  store(local(0), path("CDW3")),
                              }),
                      otherwise({flag(kUnrecognizedUuid)}),
                      return_value(arg(3)),
                  });
}

Term windows(const DsdtConfig& c) {
    CHECK(c.ecam_size >= kMiB, "ECAM of less than a bus");
    std::vector<Descriptor> ranges = {
        bus_numbers(0, static_cast<uint16_t>(c.ecam_size / kMiB - 1)),
        io_ports(0xcf8, 1, 8),
        io_window(0, 0xcf7),
        io_window(0xd00, 0xffff),
    };
    if (c.has_vga_window) ranges.push_back(memory_window(Width::DWord, 0xa0000, 0xbffff, Caching::Cacheable));
    for (const PciWindow& w : c.pci_windows)
        ranges.push_back(w.last >> 32 == 0
                             ? memory_window(Width::DWord, w.first, w.last, Caching::NonCacheable)
                             : memory_window(Width::QWord, w.first, w.last, Caching::Cacheable));
    return name("_CRS", resource_template(ranges));
}

}  // namespace

unsigned q35_pirq(unsigned slot, unsigned pin) {
    CHECK(slot < kSlots && pin < kPins, "slot %u pin %u", slot, pin);
    // The chipset's own devices start at A, the bridge 30 at E; all other slots share E-H, shifted by slot.
    if (slot == 30) return 4 + pin;
    if (slot >= 25) return pin;
    return 4 + (slot + pin) % 4;
}

Term interrupt_model() {
    return block({
        name("\\PICF", integer(0)),
        method("\\_PIC", 1, Serialization::NotSerialized, {store(arg(0), path("\\PICF"))}),
    });
}

Term interrupt_links() {
    Terms all = {
        method("IQST", 1, Serialization::NotSerialized,
               {
                   if_then(bit_and(arg(0), integer(kRouteOff)), {return_value(integer(0x09))}),
                   return_value(integer(0x0b)),
               }),
        method("IQCR", 1, Serialization::Serialized,
               {
                   store(resource_template({pci_interrupts({0})}), local(0)),
                   create_field(4, local(0), integer(kInterruptNumberOffset), "PRRI"),
                   bit_and(arg(0), integer(0x0f), path("PRRI")),
                   return_value(local(0)),
               }),
    };
    for (unsigned line = 0; line < kLines; ++line)
        all.push_back(pic_link(line));
    for (unsigned line = 0; line < kLines; ++line)
        all.push_back(apic_link(line));
    return block(all);
}

Term host_bridge(const DsdtConfig& c) {
    return device("PCI0",
                  {
                      name("_HID", eisa_id("PNP0A08")),
                      name("_CID", eisa_id("PNP0A03")),
                      name("_UID", integer(0)),
                      windows(c),
                      osc_method(c.pcie_control),
                      routes("PRTP", "LNK"),
                      routes("PRTA", "GSI"),
                      method("_PRT", 0, Serialization::NotSerialized,
                             {
                                 if_then(equal(path("\\PICF"), integer(0)), {return_value(path("PRTP"))}),
                                 return_value(path("PRTA")),
                             }),
                  });
}

}  // namespace vmm
