// What firmware does for PCI before it starts a kernel: each function of the root bus gets places for its
// BARs, decodes them, and is told the ISA interrupt of its pin. For kernels that are entered without firmware
// and expect that it was there (Multiboot); Linux does it by itself. Functions behind bridges are left alone:
// their buses have no numbers. Called by BootLoader at each start, on the main thread.
#pragma once

#include "hw/pci/bus.h"
#include "system/memory/address.h"

namespace vmm {

// Memory BARs go into the hole below 4 GiB; what does not fit stays without a place.
void place_pci_functions(pci::Bus& root, GpaRange hole);

// The interrupt that the chipset's routing, as BootLoader sets it, gives pin 1..4 of a device of the root
// bus.
uint8_t pci_interrupt_line(unsigned device, unsigned pin);

}  // namespace vmm
