// IdeBus: one port of an AHCI controller as a bus that users name (bus=ide.0): it takes one drive. Main
// thread.
#pragma once

#include <string>

#include "hw/core/bus.h"

namespace vmm::ata {

class AhciPort;

class IdeBus final : public DeviceBus {
  public:
    IdeBus(std::string name, Device* controller, AhciPort& port, unsigned port_number)
        : DeviceBus(std::move(name), "IDE", controller), port_(port), port_number_(port_number) {}

    // The number in the serial number of a drive that the user gave none, unique in the machine.
    void set_serial(unsigned number) { serial_ = number; }

    bool full() const override { return !children().empty(); }
    std::string firmware_path() const override;

  private:
    Status plug_in(Device& device) override;
    void take_out(Device& device) override;

    AhciPort& port_;
    const unsigned port_number_;
    unsigned serial_ = 1;
};

}  // namespace vmm::ata
