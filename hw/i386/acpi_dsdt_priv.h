// The PCI half of the DSDT, apart from the devices: host bridge, windows, routing. Called by acpi_dsdt.
#pragma once

#include "hw/acpi/aml.h"
#include "hw/i386/acpi_dsdt.h"

namespace vmm {

// \PICF and \_PIC: which interrupt model the system told us it uses.
aml::Term interrupt_model();
// LNKA-LNKH (behind the 8259s, through the route registers) and GSIA-GSIH (IOAPIC pins 16-23).
aml::Term interrupt_links();
// PCI0 with _OSC, _CRS and _PRT.
aml::Term host_bridge(const DsdtConfig& config);
// The processors, without and with hot-plug: then with their registers, methods and event.
aml::Term processors(const std::vector<DsdtCpu>& cpus);
aml::Term pluggable_processors(const std::vector<DsdtCpu>& cpus);
// Registers, slots, methods and event of memory hot-plug.
aml::Term memory_hotplug(unsigned slots);
// Registers, bridges, slots and the event of conventional hot-plug.
aml::Term pci_hotplug(const std::vector<DsdtBridge>& bridges);

}  // namespace vmm
