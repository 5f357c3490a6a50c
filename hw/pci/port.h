// Port: a root port or a switch's downstream port: a bridge with one link behind it, whose slot can be
// hot-plugged by the native way: the guest is told by slot events (MSI-X, MSI or INTx) and lets a device go
// by switching the slot's power and light off. The kinds of port derive from it (root_port.h, switch.h). PCI
// Express Base 4.0, 6.7, 7.5.3.
//
// Locks: mutex() guards the registers; what concerns the devices behind (power, release) is done after it.
#pragma once

#include <array>
#include <optional>
#include <string>

#include "hw/pci/bridge.h"
#include "hw/pci/function_config.h"
#include "hw/pci/link_props.h"
#include "hw/pci/slot.h"

namespace vmm::pci {

struct PortConfig : FunctionConfig {
    uint8_t port = 0;     // the link's number
    uint8_t chassis = 0;  // with the slot: unique in a machine
    uint16_t slot = 0;
    bool hotplug = true;
    bool power_controller = true;
    uint16_t aer_log_max = 8;
};

template <typename C>
constexpr auto port_props() {
    return join_props(
        function_props<C>(),
        std::array{
            prop<C, &PortConfig::port>("port", "number of the link"),
            prop<C, &PortConfig::chassis>("chassis", "which case the slot is in; unique with slot="),
            prop<C, &PortConfig::slot>("slot", "number of the slot in its case"),
            prop<C, &PortConfig::hotplug>("hotplug", "whether the slot's device can come and go"),
            prop<C, &PortConfig::power_controller>("power_controller_present",
                                                   "whether the slot's power can be switched"),
            prop<C, &PortConfig::aer_log_max>("aer_log_max", "how many errors are kept, 0 to 128"),
        });
}

class Port : public Bridge {
  public:
    struct Place {
        uint8_t chassis;
        uint16_t slot;
        bool operator==(const Place&) const = default;
    };
    Place place() const { return {values_.chassis, values_.slot}; }
    Port* as_port() override { return this; }

    Status admit(DevFn at) override;
    void arrived(Function& function) override;
    void left(DevFn from) override;
    bool hotpluggable() const override { return values_.hotplug; }
    Status ask_removal(Function& function) override;
    void finish_removals() override;

    void reset_enter() override;
    void reset_hold() override;

  protected:
    Port(const Identity& identity, const PortConfig& values, std::string id, Topology& topology);
    static Status check(const PortConfig& values);
    // The express capability with its slot, at that offset. Constructor only.
    void add_express(const ExpressConfig& express, unsigned at) REQUIRES(mutex());

    void config_changed(unsigned offset, unsigned size) override;
    void config_settled(unsigned offset, unsigned size) override;
    Status joining(Bus& bus) override;

  private:
    void update_event() REQUIRES(mutex());
    // Gives what is behind the power that the slot's controller says.
    void apply_power();

    const PortConfig values_;
    std::optional<Slot> slot_ GUARDED_BY(mutex());
    Slot::Effects due_ GUARDED_BY(mutex());
    bool event_ GUARDED_BY(mutex()) = false;  // what the guest was told
    bool removal_asked_ = false;              // main thread
};

}  // namespace vmm::pci
