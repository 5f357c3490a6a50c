// HotplugHost: what the hot-plug registers for processors and memory ask of the machine. Called on any
// thread, with no lock held. The board implements it, tests have a fake one. Header only.
#pragma once

#include <cstdint>

namespace vmm::acpi {

// What _OST said of a slot last: the event (or source) it is about, and how it went (ACPI 6.4, 6.3.5).
struct OstReport {
    uint32_t event = 0;
    uint32_t status = 0;
};

// What was there from the start is no news.
enum class News { No, Yes };
// Whether the guest can let go of it.
enum class Removable { No, Yes };

class HotplugHost {
  public:
    virtual ~HotplugHost() = default;
    // There is news in the registers: the general-purpose event.
    virtual void raise_event() = 0;
    // The guest lets go of what is in the slot. The registers say already that it is not there: the guest
    // asks right after _EJ0, and keeps what it still finds.
    virtual void eject(unsigned slot) = 0;
    virtual void ost_reported(unsigned slot, const OstReport& report) = 0;
};

}  // namespace vmm::acpi
