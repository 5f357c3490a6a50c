// A board with nothing but RAM, a PCI bus and the chipset on it. One thread.
#pragma once

#include <memory>

#include "hw/i386/chipset_ids.h"
#include "hw/i386/lpc.h"
#include "hw/i386/mch.h"
#include "hw/pci/host.h"
#include "system/memory/address_space.h"
#include "system/memory/ram_block.h"
#include "system/memory/topology.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_irq_line.h"
#include "tests/fakes/fake_requests.h"

namespace vmm {

struct ChipsetWorld {
    static constexpr uint64_t kRam = 32 * kMiB;

    explicit ChipsetWorld(bool smm_ranges = true, acpi::AcpiMode mode = acpi::AcpiMode::Always,
                          bool no_reboot = true)
        : mch({.smm_ranges = smm_ranges, .low_ram_size = kRam},
              {.topology = topology, .system = system, .ram = ram, .pci = pci, .ecam = ecam}),
          lpc({.acpi_mode = mode, .no_reboot = no_reboot}, {.topology = topology,
                                                            .system = system,
                                                            .io = io,
                                                            .clock = clock,
                                                            .requests = requests,
                                                            .router = router}) {
        topology.add(system, ram, 0);
        topology.add(system, pci, 0, -1);
        CHECK(bus.plug(mch, kMchAddress) && bus.plug(lpc, kLpcAddress), "the fixture's bus");
        reset();
    }
    ~ChipsetWorld() {
        bus.unplug(lpc);
        bus.unplug(mch);
    }
    void reset() {
        for (Device* device : {static_cast<Device*>(&mch), static_cast<Device*>(&lpc)})
            device->reset_enter();
        for (Device* device : {static_cast<Device*>(&mch), static_cast<Device*>(&lpc)})
            device->reset_hold();
    }
    static PirqRouter::Gsis lines(FakeIrqInput& input) {
        PirqRouter::Gsis gsis;
        for (unsigned i = 0; i < gsis.size(); ++i)
            gsis[i] = input.line(i);
        return gsis;
    }

    FakeClock clock;
    FakeRequests requests;
    FakeIrqInput pins;
    FakeMsiSink msis;
    std::unique_ptr<RamBlock> ram_block = RamBlock::anonymous("ram", kRam).take_value();
    Topology topology;
    MemoryRegion system = MemoryRegion::container("system", MemoryRegion::kWholeSpace);
    MemoryRegion io = MemoryRegion::container("io", 0x10000);
    MemoryRegion pci = MemoryRegion::container("pci", MemoryRegion::kWholeSpace);
    MemoryRegion ram = MemoryRegion::ram("ram", *ram_block);
    AddressSpace memory{topology, system, "memory"};
    AddressSpace ports{topology, io, "I/O"};
    PirqRouter router{lines(pins)};
    pci::Bus bus{{topology, pci, io}, router, msis};
    pci::EcamWindow ecam{bus};
    Mch mch;
    Lpc lpc;
};

}  // namespace vmm
