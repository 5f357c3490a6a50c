// What the q35 board is made of, in the order of making; it goes in reverse. The steps that fill it are
// spread over q35_board.cc (order, memory, what is booted), q35_chipset.cc, q35_devices.cc and q35_cpus.cc.
#pragma once

#include <memory>
#include <vector>

#include "hw/core/device_tree.h"
#include "hw/core/system_bus.h"
#include "hw/i386/board_env.h"
#include "hw/i386/board_memory.h"
#include "hw/i386/board_tables.h"
#include "hw/i386/boot_loader.h"
#include "hw/i386/cpu_sockets.h"
#include "hw/i386/guest_conversions.h"
#include "hw/i386/irq_wiring.h"
#include "hw/i386/lpc.h"
#include "hw/i386/lpc_pirq.h"
#include "hw/i386/memory_slots.h"
#include "hw/i386/q35_board.h"
#include "hw/i386/q35_map.h"
#include "hw/i386/region_set.h"
#include "hw/isa/isa_bus.h"
#include "hw/nvram/flash_drive.h"
#include "hw/nvram/fw_cfg.h"
#include "hw/nvram/fw_cfg_files.h"
#include "hw/pci/bus.h"
#include "hw/pci/ecam.h"
#include "hw/pci/host.h"
#include "system/irq/tap.h"
#include "system/memory/address_space.h"
#include "system/memory/dma_space.h"
#include "system/memory/topology.h"
#include "system/run/reset.h"
#include "target/i386/confidential/launch_scene.h"
#include "target/i386/cpu/apic_id.h"
#include "target/i386/cpu/policy.h"
#include "target/i386/x86_accelerator.h"

namespace vmm {

class I8042;
class I8259Pair;
class IoApic;

class Lpc;
class Mc146818;

// The firmware without -bios.
inline constexpr const char* kDefaultFirmware = "/usr/share/seabios/bios-256k.bin";

struct Q35Board::State {
    State(const MachineConfig& machine, const Q35Parts& given,
          std::unique_ptr<X86Accelerator> x86_accelerator, const Q35Map& addresses,
          std::unique_ptr<RamBlock> firmware);
    ~State();

    // What the CPUs show; the VM learns what it must know before anything is made in it.
    static Result<CpuidPolicy> prepare_cpus(const MachineConfig& config, const Q35Parts& parts,
                                            X86Accelerator& x86, uint32_t max_apic_id);
    // The further steps of making, in this order.
    Status make_private_memory();
    void make_flash(std::vector<std::unique_ptr<FlashDrive>> drives);
    void wire_interrupts();
    I8259Pair& make_pic();
    Status make_chipset();
    Status make_devices();
    void make_timers();
    void make_input();
    // Those that the operating system is told of.
    std::vector<DsdtSerial> serial_ports() const;
    std::optional<uint16_t> panic_port() const;
    Status make_boot(std::optional<BootFiles> files);
    // What users said of SMBIOS, with the places of the devices that they named.
    Result<smbios::Settings> smbios_settings() const;
    // What firmware tries to boot from, in order.
    Result<std::vector<std::string>> boot_list() const;
    // What the guest is told of the machine as it is now.
    Result<std::unique_ptr<BoardTables>> describe();
    // At a reset: told again, where devices or processors came or went.
    void refresh_tables();
    void make_sockets();
    void make_memory_slots();
    // What the kernel could not follow is the result.
    Status change_map(const std::function<void()>& change);
    Status map_module(PcDimm& module, Gpa at);
    void unmap_module(PcDimm& module);
    X86CpuSetup cpu_setup(unsigned index) const;
    GuestWorld guest_world();
    Status make_igvm();
    Status start_accelerator();
    // What is measured first; and the launch of a protected guest.
    std::vector<LaunchImage> launch_images();
    Status prepare_launch(bool has_kernel);
    Status launch();
    // Before another launch.
    Status reload_firmware();
    void add_vcpu_reset();
    // What a processor's registers are, when something other than its reset says; else null.
    const std::optional<BootState>* boot_state(unsigned index) const;
    // One line for each feature that was asked for and is not there.
    void warn_about_cpu() const;

    void plug(pci::Function& function, pci::DevFn at);
    // Makes the slots of conventional buses hot-pluggable, those that are there when the machine starts.
    void make_pci_hotplug();
    std::vector<DsdtBridge> hotplug_bridges(pci::Bus& bus);
    // Of the vmgenid device, if there is one.
    std::vector<uint8_t> generation_page() const;
    // The IOMMU comes between PCI, the I/O APIC and the rest; null: it goes.
    void connect_iommu(Iommu* iommu);
    std::optional<acpi::DmarConfig> remapping_table() const;

    // Keeps the device, and resets it in the order of adding.
    template <typename T>
    T& keep(std::unique_ptr<T> device) {
        T& kept = *device;
        resets.add(kept);
        devices.push_back(std::move(device));
        return kept;
    }

    const MachineConfig config;
    const Q35Parts parts;
    const Q35Map map;

    Topology topology;
    MemoryRegion system = MemoryRegion::container("system", MemoryRegion::kWholeSpace);
    MemoryRegion io = MemoryRegion::container("io", 0x10000);
    AddressSpace memory{topology, system, "memory"};
    AddressSpace ports{topology, io, "I/O"};
    DmaSpace dma{memory};
    std::vector<std::unique_ptr<FlashDrive>> flash_drives;
    std::vector<std::unique_ptr<PflashCfi>> flash_chips;
    BoardMemory board_memory;
    ResetList resets;

    CpuidPolicy cpu_policy;
    CpuTopology cpu_topology;
    std::vector<uint32_t> apic_ids;             // of max_cpus CPUs
    const std::unique_ptr<X86Accelerator> x86;  // its threads end before what they run on
    Accelerator& accelerator;

    std::unique_ptr<GuestConversions> conversions;  // VMs with private memory

    // Interrupts: controllers in user space unless the kernel has them, and the wires to either.
    std::unique_ptr<Resettable> kernel_chips;
    I8259Pair* pic = nullptr;  // among the devices
    IoApic* ioapic = nullptr;  // so is it
    EoiListener* end_of_interrupt = nullptr;
    std::unique_ptr<IrqInput> fan_out;
    std::unique_ptr<IrqTap> gsi_tap;  // before the fan-out, for test clients
    std::unique_ptr<GsiBank> gsis;

    // PCI: pins go to the chipset's router.
    std::unique_ptr<PirqRouter> pirqs;
    std::unique_ptr<pci::Bus> root;
    Lpc* lpc = nullptr;         // one of the devices below
    I8042* keyboard = nullptr;  // so is it; null: there is none
    std::unique_ptr<pci::EcamWindow> ecam;

    std::vector<std::unique_ptr<Device>> devices;
    std::vector<pci::Function*> plugged;
    RegionSet regions{topology};

    // What users add, and where they may put it.
    IsaBus isa{topology, io};
    SystemBus system_bus;
    FwCfg* fw_cfg = nullptr;  // among the devices
    Mc146818* rtc = nullptr;  // among the devices
    std::unique_ptr<FwCfgFiles> firmware_files;
    std::unique_ptr<BoardEnv> env;
    std::unique_ptr<CpuSockets> sockets;
    std::unique_ptr<MemorySlots> modules;
    std::unique_ptr<DeviceTree> tree;
    bool acpi_pci_hotplug = true;
    std::vector<pci::Bus*> hotplug_buses;  // by their numbers in the hot-plug registers

    std::unique_ptr<Resettable> boot_order;
    std::unique_ptr<Resettable> vcpu_reset;
    std::unique_ptr<BoardTables> tables;
    std::unique_ptr<Resettable> refresh;
    uint64_t told_generation = 0;  // of the device tree, when the tables were made
    bool boots_kernel_rom = false;
    std::unique_ptr<BootLoader> loader;
    std::optional<IgvmFile> igvm;
    std::unique_ptr<IgvmLoader> igvm_loader;  // or
    std::unique_ptr<IgvmLaunch> igvm_launch;
    std::optional<BootFiles> boot_files;  // of a kernel that firmware starts
};

}  // namespace vmm
