// MachineConfig: what the command line asked for, as the board wants to read it: plain data, already checked
// for spelling, ranges and contradictions by whoever filled it (system/control/cli). Objects that were made
// from the command line (memory backends, character devices, the confidential guest) are referred to by id.
// Sizes are bytes. Pure data, header only.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hw/core/device_request.h"
#include "hw/core/firmware_config.h"
#include "hw/core/hmat_config.h"
#include "hw/core/smbios_config.h"
#include "hw/core/smp.h"
#include "util/align.h"
#include "util/uuid.h"

namespace vmm {

enum class OnOffAuto { Auto, On, Off };
// -machine kernel_irqchip=
enum class IrqChipChoice { Auto, On, Split, Off };

// -numa node
struct NumaNodeConfig {
    std::string memory_backend;  // empty: this node has no memory
    std::vector<unsigned> cpus;  // indices
};

// -m, -machine memory-backend=, -numa
struct MemoryConfig {
    uint64_t size = 128 * kMiB;
    std::string backend;                // empty with NUMA nodes: the nodes name theirs
    std::vector<NumaNodeConfig> nodes;  // empty without -numa
    // distances[from][to]; empty when none was given
    std::vector<std::vector<uint8_t>> distances;
    std::optional<HmatConfig> hmat;  // -machine hmat=on
    std::optional<uint64_t> max_ram_below_4g;
    // For memory that is plugged in: slots, and bytes besides `size`.
    unsigned slots = 0;
    uint64_t module_bytes = 0;
};

// -bios -kernel -initrd -append -dtb
struct BootConfig {
    std::string bios;  // path; empty: none was named
    std::string igvm;  // path of the machine's igvm-cfg; empty: none
    // Drives or block nodes that are flash: the firmware, and its variables. Empty: none.
    std::array<std::string, 2> flash;
    std::string kernel;
    std::string initrd;
    std::string append;
    std::string dtb;

    // -boot, -no-fd-bootchk
    std::string order = "cad";
    std::optional<std::string> once;  // the order until the machine is reset
    bool menu = false;
    std::optional<uint16_t> menu_wait_ms;  // splash-time=
    int32_t reboot_timeout_ms = -1;        // after a failed boot; -1: never
    bool strict = false;                   // boot from the devices with a bootindex only
    bool floppy_check = true;
};

// -cpu, as written: "host,+x2apic". Parsed by target/i386/cpu.
struct CpuConfig {
    std::string text;  // empty: the machine's default
};

// -rtc base=
enum class RtcBase { Utc, LocalTime, Fixed };
// -rtc clock=: the host's wall clock, or the guest's own, which stops with it.
enum class RtcClockChoice { Host, Virtual };
struct RtcConfig {
    RtcBase base = RtcBase::Utc;
    RtcClockChoice clock = RtcClockChoice::Host;
    int64_t fixed_seconds = 0;  // since 1970, for RtcBase::Fixed
    bool slew = false;          // driftfix=slew
};

// -machine TYPE: the machine that has no board.
inline constexpr std::string_view kNoMachine = "none";

struct MachineConfig {
    std::string type = "q35";  // canonical: "pc-q35-7.2", or kNoMachine
    std::string name;          // -name
    std::optional<Uuid> uuid;  // -uuid

    SmpTopology smp;
    CpuConfig cpu;
    MemoryConfig memory;
    BootConfig boot;
    RtcConfig rtc;
    smbios::Settings smbios;
    FirmwareConfig firmware;

    IrqChipChoice irqchip = IrqChipChoice::Auto;
    OnOffAuto smm = OnOffAuto::Auto;
    bool smm_ranges = true;
    bool hpet = true;
    bool pit = true;
    OnOffAuto pic = OnOffAuto::Auto;
    bool i8042 = true;
    bool acpi = true;
    bool graphics = true;                    // off with -nographic: firmware talks to the serial port
    bool new_vm_on_reset = false;            // x-change-vmfd-on-reset
    uint32_t conversion_limit = 0;           // conversions a second; 0: as many as the guest wants
    std::string confidential_guest_support;  // id; also the object behind kvm-type=

    std::vector<DeviceRequest> devices;    // -device, -serial and what else is short for it, in order
    std::vector<PropertyDefault> globals;  // -global
};

}  // namespace vmm
