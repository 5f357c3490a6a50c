// The chipset: interrupt controllers, in the kernel or here, the wires to them, and the bridges.
#include <algorithm>

#include "hw/acpi/pci_hotplug.h"
#include "hw/i386/chipset_ids.h"
#include "hw/i386/lpc.h"
#include "hw/i386/lpc_pirq.h"
#include "hw/i386/mch.h"
#include "hw/i386/q35_protection.h"
#include "hw/i386/q35_state_priv.h"
#include "hw/i386/q35_versions.h"
#include "hw/i386/smbus_ich9.h"
#include "hw/intc/i8259.h"
#include "hw/intc/ioapic.h"
#include "hw/pci/bridge.h"
#include "target/i386/confidential/guest.h"

namespace vmm {

I8259Pair& Q35Board::State::make_pic() {
    I8259Pair& made = keep(std::make_unique<I8259Pair>(x86->external_interrupt()));
    regions.add(io, "pic", I8259Pair::kMasterPort, I8259Pair::kSize, made.master());
    regions.add(io, "pic2", I8259Pair::kSlavePort, I8259Pair::kSize, made.slave());
    regions.add(io, "elcr", I8259Pair::kElcrPort, I8259Pair::kSize, made.elcr());
    x86->connect_pic(made);
    return made;
}

void Q35Board::State::wire_interrupts() {
    if (accelerator.irqchip_mode() == IrqChipMode::Kernel) {
        kernel_chips = x86->kernel_chips(config.pit);
        resets.add(*kernel_chips);
        gsis = std::make_unique<GsiBank>(accelerator.kernel_pins());
    } else {
        if (has_pic(config, parts.confidential)) pic = &make_pic();
        ioapic = &keep(std::make_unique<IoApic>(accelerator.msi(), &accelerator.routes()));
        regions.add(system, "ioapic", IoApic::kAddress, IoApic::kSize, *ioapic);
        end_of_interrupt = ioapic;
        fan_out = std::make_unique<IsaFanOut>(pic, *ioapic);
        if (parts.watch_pins) gsi_tap = std::make_unique<IrqTap>(fan_out.get(), kIoApicPins);
        gsis = std::make_unique<GsiBank>(gsi_tap != nullptr ? *gsi_tap : *fan_out);
    }
    PirqRouter::Gsis lines;
    for (unsigned gsi = 0; gsi < kIoApicPins; ++gsi)
        lines[gsi] = gsis->connect(gsi);
    pirqs = std::make_unique<PirqRouter>(lines);
}

Status Q35Board::State::make_chipset() {
    const pci::Spaces spaces{topology, board_memory.pci(), io};
    root = std::make_unique<pci::Bus>(spaces, *pirqs, accelerator.msi());
    pci::ConfigPorts& config_ports = keep(std::make_unique<pci::ConfigPorts>(*root));
    topology.add(io, config_ports.address_region(), pci::kConfigAddressPort);
    topology.add(io, config_ports.data_region(), pci::kConfigDataPort);
    ecam = std::make_unique<pci::EcamWindow>(*root);

    const bool forbidden = parts.confidential != nullptr && parts.confidential->requirements().forbids_smm;
    const bool has_smm_ranges = config.smm_ranges && config.smm != OnOffAuto::Off && !forbidden;
    Mch::Config hub;
    hub.smbase_smram = find_q35_version(config.type)->smram_at_smbase;
    TRY(apply_defaults(Mch::kInfo, Mch::kProps, config.globals, &hub));
    TRY(Mch::check(hub));
    hub.smm_ranges = has_smm_ranges;
    hub.low_ram_size = map.ram_below.size();
    Lpc::Config bridge;
    TRY(apply_defaults(Lpc::kInfo, Lpc::kProps, config.globals, &bridge));
    TRY(Lpc::check(bridge));
    acpi_pci_hotplug = bridge.acpi_pci_hotplug;
    plug(keep(std::make_unique<Mch>(
             hub, Mch::Places{topology, system, board_memory.ram(), board_memory.pci(), *ecam})),
         {0, 0});
    lpc = &keep(std::make_unique<Lpc>(
        bridge, Lpc::Places{topology, system, io, parts.virtual_clock, parts.requests, *pirqs}));
    plug(*lpc, kLpcAddress);
    plug(keep(std::make_unique<SmbusIch9>(topology)), kSmbusAddress);
    config_ports.set_byte_registers(lpc->reset_control());
    return {};
}

void Q35Board::State::make_pci_hotplug() {
    if (!acpi_pci_hotplug) return;
    acpi::PciHotplug* registers = nullptr;
    root->for_each([&](pci::Function& function) {
        pci::Bridge* bridge = function.as_bridge();
        if (bridge == nullptr || bridge->secondary().kind() != pci::BusKind::Conventional) return;
        if (registers == nullptr) {
            registers = &keep(std::make_unique<acpi::PciHotplug>(
                [this] { lpc->pm().raise_gpe(acpi::PciHotplug::kEvent); }));
            regions.add(io, "acpi-pci-hotplug", acpi::PciHotplug::kPort, acpi::PciHotplug::kSize, *registers);
        }
        (void)registers->add_bus(bridge->secondary());
        hotplug_buses.push_back(&bridge->secondary());
    });
}

// The bridges of this bus that lead to a conventional one.
std::vector<DsdtBridge> Q35Board::State::hotplug_bridges(pci::Bus& bus) {
    std::vector<DsdtBridge> found;
    for (pci::Function* function : bus.functions()) {
        pci::Bridge* bridge = function->as_bridge();
        if (bridge == nullptr) continue;
        DsdtBridge description{.devfn = function->devfn().raw(),
                               .hotplug_bus = {},
                               .below = hotplug_bridges(bridge->secondary())};
        const auto at = std::find(hotplug_buses.begin(), hotplug_buses.end(), &bridge->secondary());
        if (at != hotplug_buses.end())
            description.hotplug_bus = static_cast<unsigned>(at - hotplug_buses.begin());
        if (description.hotplug_bus || !description.below.empty()) found.push_back(std::move(description));
    }
    return found;
}

}  // namespace vmm
