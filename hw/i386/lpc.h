// The ICH9's LPC bridge: PCI function 1f.0, and with it the chipset's own registers: where power management,
// the chipset registers and the ISA interrupts of PCI pins are, and the ports of APM and reset. ICH9
// datasheet, 13.1.
//
// Missing: GPIO (its base register is only remembered), decode ranges (the devices behind the bridge answer
// whatever it says), serial interrupts' modes, firmware hub selects, NMI and SMI.
//
// Thread: any; mutex() of the function guards its configuration; each part has its own lock.
#pragma once

#include <array>
#include <string_view>

#include "hw/core/device_type.h"
#include "hw/i386/apm.h"
#include "hw/i386/chipset_registers.h"
#include "hw/i386/lpc_pirq.h"
#include "hw/i386/lpc_pm.h"
#include "hw/i386/reset_control.h"
#include "hw/pci/function.h"

namespace vmm {

class Lpc final : public pci::Function {
  public:
    struct Config {
        // Always: there is no system-management mode to start in.
        acpi::AcpiMode acpi_mode = acpi::AcpiMode::Always;
        bool no_reboot = true;  // the strap that holds the TCO watchdog back
        uint8_t disable_s3 = 1, disable_s4 = 1;
        bool acpi_pci_hotplug = true;  // of the slots that no port looks after
    };
    static constexpr std::array kProps = {
        prop<Config, &Config::no_reboot>("noreboot", "the TCO watchdog cannot reset the machine"),
        prop<Config, &Config::disable_s3>("disable_s3", "no suspend to RAM; 1 only"),
        prop<Config, &Config::disable_s4>("disable_s4", "no suspend to disk; 1 only"),
        prop<Config, &Config::acpi_pci_hotplug>("acpi-pci-hotplug-with-bridge-support",
                                                "slots of conventional buses are hot-plugged by ACPI")};
    static constexpr DeviceInfo kInfo = {.name = "ICH9-LPC",
                                         .parent = "pci-device",
                                         .bus = "PCI",
                                         .description = "ICH9 LPC bridge",
                                         .category = DeviceCategory::Bridge,
                                         .hotpluggable = false,
                                         .user_creatable = false};
    static Status check(const Config& values);
    // All borrowed and longer lived. The router is the root bus's IntxSink too.
    struct Places {
        Topology& topology;
        MemoryRegion& system;  // guest-physical memory
        MemoryRegion& io;      // I/O ports
        Clock& clock;          // virtual
        MachineRequests& requests;
        PirqRouter& router;
    };

    Lpc(const Config& config, const Places& places);
    std::string_view type() const override { return "ICH9-LPC"; }

    LpcPm& pm() { return pm_; }
    // For pci::ConfigPorts.
    IoOps& reset_control() { return reset_control_; }

    void reset_enter() override;
    void reset_hold() override;

  private:
    void config_changed(unsigned offset, unsigned size) override;
    void set_up_registers();
    void update_all();
    void update_pm();
    void update_routes();
    void update_chipset_window();
    void lock_smi();

    const Places places_;
    LpcPm pm_;
    Apm apm_;
    ResetControl reset_control_;
    ChipsetRegisters chipset_;
    MemoryRegion chipset_window_;
};

// What ACPI_CNTL selects; empty for the reserved value.
std::optional<unsigned> sci_gsi_of(uint8_t acpi_control);

}  // namespace vmm
