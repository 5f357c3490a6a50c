// The devices of the board: what sits behind the LPC bridge, and what the user adds.
#include <time.h>

#include "hw/ata/ich9_ahci.h"
#include "hw/char/serial_isa.h"
#include "hw/i386/boot_order.h"
#include "hw/i386/q35_state_priv.h"
#include "hw/input/i8042.h"
#include "hw/intc/ioapic.h"
#include "hw/iommu/intel_iommu.h"
#include "hw/isa/dma8237.h"
#include "hw/misc/pvpanic.h"
#include "hw/misc/vmgenid.h"
#include "hw/rtc/cmos_layout.h"
#include "hw/rtc/mc146818.h"
#include "hw/timer/hpet.h"
#include "hw/timer/i8254.h"
#include "system/clock/clock.h"
#include "target/i386/confidential/guest.h"

namespace vmm {

namespace {

constexpr int64_t kNsPerSecond = 1'000'000'000;

// What the clock shows when it is made, as seconds of its calendar.
int64_t rtc_seconds(const RtcConfig& config, int64_t host_now_ns) {
    const time_t now = host_now_ns / kNsPerSecond;
    switch (config.base) {
        case RtcBase::Utc:
            return now;
        case RtcBase::LocalTime: {
            struct tm local = {};
            ::localtime_r(&now, &local);
            return now + local.tm_gmtoff;
        }
        case RtcBase::Fixed:
            return config.fixed_seconds;
    }
    UNREACHABLE();
}

std::unique_ptr<Mc146818> make_rtc(const MachineConfig& config, const Q35Map& map, int64_t host_now_ns,
                                   Clock& clock, IrqLine irq) {
    Mc146818::Config rtc;
    rtc.start_seconds = rtc_seconds(config.rtc, host_now_ns);
    rtc.slew = config.rtc.slew;
    cmos::store_memory_sizes(rtc.ram, map.ram_below.size(), map.ram_above ? map.ram_above->size() : 0);
    rtc.ram[cmos::kFurtherCpus] = static_cast<uint8_t>(config.smp.cpus - 1);
    return std::make_unique<Mc146818>(rtc, clock, irq);
}

}  // namespace

std::vector<DsdtSerial> Q35Board::State::serial_ports() const {
    std::vector<DsdtSerial> found;
    for (const std::unique_ptr<DeviceNode>& node : tree->nodes()) {
        if (node->device->type() != SerialIsa::kInfo.name) continue;
        const auto& port = static_cast<const SerialIsa&>(*node->device);
        found.push_back({port.port(), port.irq()});
    }
    return found;
}

std::optional<uint16_t> Q35Board::State::panic_port() const {
    for (const std::unique_ptr<DeviceNode>& node : tree->nodes())
        if (node->device->type() == PvPanic::kInfo.name)
            return static_cast<const PvPanic&>(*node->device).config().ioport;
    return std::nullopt;
}

void Q35Board::State::make_timers() {
    const bool own_time = config.rtc.clock == RtcClockChoice::Virtual;
    rtc = &keep(make_rtc(config, map, parts.host_clock.now_ns(),
                         own_time ? parts.virtual_clock : parts.host_clock, gsis->connect(Mc146818::kIrq)));
    rtc->on_alarm([this] { lpc->pm().rtc_alarm(); });
    regions.add(io, "rtc", Mc146818::kPort, Mc146818::kSize, *rtc);
    boot_order = std::make_unique<BootOrder>(config.boot, *rtc);
    resets.add(*boot_order);
    // Who stops driving IRQ 0 while the HPET does.
    std::function<void(bool)> replace_pit = [](bool) {};
    if (config.pit && accelerator.irqchip_mode() == IrqChipMode::Kernel) {
        replace_pit = [this](bool replaced) {
            Status done = x86->set_kernel_pit_replaced(replaced);
            if (!done) parts.requests.report_internal_error("HPET: " + done.error().message());
        };
    } else if (config.pit) {
        I8254& pit = keep(std::make_unique<I8254>(parts.virtual_clock, gsis->connect(0)));
        regions.add(io, "pit", I8254::kPort, I8254::kSize, pit);
        regions.add(io, "port61", I8254::kPort61, 1, pit.port61());
        replace_pit = [&pit](bool replaced) { pit.set_irq_enabled(!replaced); };
    }
    if (!config.hpet) return;
    Hpet::Lines lines;
    for (unsigned gsi = 0; gsi < Hpet::kPins; ++gsi)
        lines[gsi] = gsis->connect(gsi);
    lines[Hpet::kLegacyPit] = gsis->connect(0);
    lines[Hpet::kLegacyRtc] = gsis->connect(Mc146818::kIrq);
    Hpet& hpet = keep(std::make_unique<Hpet>(Hpet::Config{}, parts.virtual_clock, lines, accelerator.msi(),
                                             std::move(replace_pit)));
    regions.add(system, "hpet", Hpet::kAddress, Hpet::kSize, hpet);
}

void Q35Board::State::make_input() {
    Dma8237& dma_registers = keep(std::make_unique<Dma8237>());
    regions.add(io, "dma", Dma8237::kFirstPort, Dma8237::kFirstSize, dma_registers.first());
    regions.add(io, "dma2", Dma8237::kSecondPort, Dma8237::kSecondSize, dma_registers.second());
    regions.add(io, "dma-page", Dma8237::kPagePort, Dma8237::kPageSize, dma_registers.pages());
    // Lies over the page registers.
    regions.add(io, "port92", Port92::kPort, Port92::kSize, keep(std::make_unique<Port92>(parts.requests)),
                1);
    if (!config.i8042) return;
    I8042& controller = keep(std::make_unique<I8042>(gsis->connect(I8042::kKeyboardIrq),
                                                     gsis->connect(I8042::kMouseIrq), parts.requests));
    keyboard = &controller;
    regions.add(io, "i8042-data", I8042::kDataPort, 1, controller.data());
    regions.add(io, "i8042-command", I8042::kCommandPort, 1, controller.command());
}

void Q35Board::State::connect_iommu(Iommu* iommu) {
    root->set_iommu(iommu);
    if (ioapic == nullptr || (iommu != nullptr && !iommu->describe().remaps_interrupts)) return;
    if (iommu == nullptr) return ioapic->set_remap({});
    ioapic->set_remap([iommu](const MsiMessage& message, bool silently) {
        return iommu->remap(std::nullopt, message, silently ? Iommu::Faults::Ignore : Iommu::Faults::Record);
    });
    iommu->on_remapping_changed([this] { ioapic->remapping_changed(); });
}

std::optional<acpi::DmarConfig> Q35Board::State::remapping_table() const {
    if (env->iommu() == nullptr) return std::nullopt;
    const Iommu::Description unit = env->iommu()->describe();
    return acpi::DmarConfig{.base = IntelIommu::kAddress,
                            .address_bits = unit.address_bits,
                            .remaps_interrupts = unit.remaps_interrupts};
}

std::vector<uint8_t> Q35Board::State::generation_page() const {
    for (const std::unique_ptr<DeviceNode>& node : tree->nodes())
        if (node->device->type() == VmGenId::kInfo.name)
            return static_cast<const VmGenId&>(*node->device).page();
    return {};
}

Status Q35Board::State::make_devices() {
    make_timers();
    make_input();
    fw_cfg = &keep(std::make_unique<FwCfg>(topology, io, dma));
    firmware_files = std::make_unique<FwCfgFiles>(fw_cfg->items());
    GuestNeeds needs;
    if (parts.confidential != nullptr) {
        const Requirements& guest = parts.confidential->requirements();
        needs = {.modern_virtio = guest.modern_virtio,
                 .access_platform = guest.access_platform,
                 .pinned_memory = guest.pinned_memory};
    }
    env = std::make_unique<BoardEnv>(BoardEnv::Parts{
        .loop = parts.loop,
        .requests = parts.requests,
        .virtual_clock = parts.virtual_clock,
        .host_clock = parts.host_clock,
        .dma = dma,
        .topology = topology,
        .system = system,
        .io = io,
        .gsis = *gsis,
        .isa = isa,
        .msi = accelerator.msi(),
        .routes = &accelerator.routes(),
        .irq_fds = &accelerator.irq_fds(),
        .io_events = &accelerator.io_events(),
        .files = *firmware_files,
        .back_ends = parts.back_ends,
        .needs = needs,
        .conversions = conversions != nullptr ? &conversions->engine() : nullptr,
        .cpus = config.smp.cpus,
        .interrupts = {.can_remap = ioapic != nullptr, .extended_ids = apic_ids.back() > kMaxXapicId},
        .connect_iommu = [this](Iommu* iommu) { connect_iommu(iommu); }});
    // In the list of resets before what is plugged into it: its registers go last, when its drives are idle.
    ata::Ich9Ahci& sata = keep(ata::Ich9Ahci::create_for_board(dma, parts.loop));
    plug(sata, ata::Ich9Ahci::kBoardAddress);
    make_sockets();
    make_memory_slots();
    tree = std::make_unique<DeviceTree>(*env, resets);
    resets.add(*tree);
    tree->add_root_bus(isa);
    tree->add_root_bus(*root);
    for (DeviceBus* bus : sata.buses())
        tree->add_root_bus(*bus);
    tree->add_root_bus(system_bus);
    tree->add_root_bus(*sockets);
    tree->add_root_bus(*modules);
    // What is behind an IOMMU asks for it when it is made.
    for (const bool first : {true, false}) {
        for (const DeviceRequest& wanted : config.devices) {
            if ((wanted.type->info.name == IntelIommu::kInfo.name) != first) continue;
            Result<Device*> made = tree->add(wanted);
            if (!made)
                return std::move(made).take_error().while_doing("-device %s", wanted.type->info.name.data());
        }
    }
    make_pci_hotplug();
    return {};
}

}  // namespace vmm
