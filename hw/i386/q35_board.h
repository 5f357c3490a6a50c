// Q35Board: the machine "q35": memory map, host bridge, ICH9, interrupt controllers, CPUs, timers, serial
// ports, fw_cfg, firmware or a directly booted kernel. Made by system/control/startup once the VM and its RAM
// exist; started and stopped through RunControl over vcpus() and resets(). Main thread.
//
// The order is: open_files(), vm_requirements() -> startup makes the VM and allocates the backends' RAM ->
// create(), which maps the memory, then makes the interrupt controllers, then the CPUs, then the devices.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "accel/vm.h"
#include "hw/core/machine_config.h"
#include "hw/i386/boot_files.h"
#include "hw/i386/igvm_boot.h"
#include "system/memory/ram_block.h"
#include "util/result.h"

namespace vmm {

class AddressSpace;
class BackEnds;
class Clock;
class ConfidentialGuest;
class ConversionEngine;
struct CpuidPolicy;
class Device;
class DeviceTree;
class EventLoop;
class GmemFactory;
class GuestConversions;
class IrqTap;
class MachineRequests;
class ResetList;
struct SlotReport;
struct X86Registers;

class X86Accelerator;

// What startup has made before the board; everything is borrowed and outlives it.
struct Q35Parts {
    EventLoop& loop;
    MachineRequests& requests;
    Clock& virtual_clock;
    Clock& host_clock;
    std::vector<RamBlock*> ram;                 // lowest guest address first; one a NUMA node with memory
    bool watch_pins = false;                    // a test client may watch the interrupt controllers
    ConfidentialGuest* confidential = nullptr;  // what makes this VM a protected one
    GmemFactory* gmem = nullptr;                // the VM's, where it has private memory
    BackEnds& back_ends;
};

// The files that the machine starts from, opened and checked before a VM exists.
struct Q35Files {
    std::unique_ptr<RamBlock> firmware;  // null: a kernel is entered directly
    std::optional<BootFiles> boot;       // -kernel, -initrd, -dtb
    std::optional<IgvmFile> igvm;        // the machine's igvm-cfg: firmware, and more
};

class Q35Board {
    struct State;
    struct Token {};

  public:
    // -bios (or the default firmware) and -kernel with its company.
    static Result<Q35Files> open_files(const BootConfig& boot);
    // What the VM must be for this machine; `confidential` may be null. Refuses combinations that cannot be.
    static Result<VmRequirements> vm_requirements(const MachineConfig& config,
                                                  const ConfidentialGuest* confidential);
    // The accelerator was made for the requirements.
    static Result<std::unique_ptr<Q35Board>> create(const MachineConfig& config, const Q35Parts& parts,
                                                    std::unique_ptr<X86Accelerator> x86, Q35Files files);
    Q35Board(Token, std::unique_ptr<State> state);
    ~Q35Board();

    Vcpus& vcpus();
    // For dumps; see X86Accelerator.
    Result<X86Registers> registers(VcpuId vcpu);
    // For people: a local APIC; PICs and IOAPIC; how often each of their lines rose.
    Result<std::string> local_apic(VcpuId vcpu);
    Result<std::string> interrupt_controllers();
    std::vector<uint64_t> interrupt_counts();
    // What firmware the guest begins with, by address, and the files that it is given.
    struct RomImage {
        std::string name;
        uint64_t address, size;
    };
    std::vector<RomImage> roms();
    std::vector<std::pair<std::string, uint64_t>> firmware_files();
    AddressSpace& memory();
    AddressSpace& ports();
    // With watch_pins: the inputs of the interrupt controller at this path, "ioapic". Null: no such device.
    IrqTap* watched_pins(std::string_view path);
    ResetList& resets();
    DeviceTree& devices();
    // What the processors show.
    const CpuidPolicy& cpu_policy() const;
    // The user's device that is the processor of this index, or null.
    const Device* cpu_device(unsigned index) const;
    // Bytes of memory that is plugged in, besides the RAM of -m.
    uint64_t module_bytes() const;
    // What the guest said of each slot last.
    std::vector<SlotReport> slot_reports();
    // The board's own parts, in the order of making.
    std::vector<const Device*> parts() const;
    // A key of the keyboard by its scan code of set 1. False: there is no keyboard, or it is full.
    bool press_key(uint8_t code, bool extended, bool down);
    // False when the guest does not listen.
    bool press_power_button();
    // ACPI S3, of a guest that was started without firmware: the board starts it again where it said.
    bool can_sleep() const;
    // The next reset wakes it.
    void prepare_wake();
    // A reset that takes a new VM: before the reset list, and after it. vCPUs paused.
    Status rebuild();
    Status launch_again();
    // Null unless the machine has private memory.
    const ConversionEngine* conversions() const;
    // The same, with what can be set.
    GuestConversions* guest_conversions();

  private:
    std::unique_ptr<State> state_;
};

}  // namespace vmm
