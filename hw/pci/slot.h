// Slot: the hot-plug half of a port's PCI Express capability: slot capabilities, control and status, and what
// is to be done when a guest writes them: indicators, power, presence, attention button, interlock, command
// completed. State functions over the port's configuration space, guarded by the port's lock; the port acts
// on what they return. PCI Express Base 4.0, 7.5.3.9-11 and 6.7. Made by Port (port.h).
#pragma once

#include <cstdint>

#include "hw/pci/config_space.h"
#include "hw/pci/express_cap.h"

namespace vmm::pci {

enum class Removal {
    Asked,   // the button was pressed: the guest decides
    AtOnce,  // the slot has no power: nobody uses the device
    Busy,    // the guest is about a change already
    Refused  // there is no hot-plug in this slot
};

class Slot {
  public:
    struct Config {
        uint16_t number = 0;  // as printed on the case
        bool hotplug = true;
        bool power_controller = true;
    };
    // What the guest's write asks for.
    struct Effects {
        bool power_changed = false;
        bool eject = false;  // what is in the slot may be taken out
    };

    // Adds the slot to the express capability at that offset.
    Slot(ConfigSpace& config, unsigned express_at, const Config& values);

    // After a guest's write to configuration space.
    Effects written(ConfigSpace& config, unsigned offset, unsigned size);
    // Some enabled event waits to be served.
    bool pending(const ConfigSpace& config) const;
    bool powered(const ConfigSpace& config) const;
    bool locked(const ConfigSpace& config) const;  // the interlock holds what is in it
    bool hotplug() const { return values_.hotplug; }

    // A machine or bus reset; powers a slot with something in it.
    void reset(ConfigSpace& config, bool occupied);
    // The slot was filled before the guest started, or while it runs, or is empty now.
    void fill(ConfigSpace& config);
    void fill_hot(ConfigSpace& config);
    void empty(ConfigSpace& config);
    // Somebody wants the device back.
    Removal ask_removal(ConfigSpace& config);

  private:
    void raise(ConfigSpace& config, uint16_t events);
    void show_presence(ConfigSpace& config, bool present);
    bool off(uint16_t control) const;

    const unsigned at_;
    const Config values_;
    uint16_t control_ = 0;  // as the guest last left it
};

}  // namespace vmm::pci
