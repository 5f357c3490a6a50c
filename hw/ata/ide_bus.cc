// See ide_bus.h.
#include "hw/ata/ide_bus.h"

#include "hw/ata/ahci_port.h"
#include "util/text.h"

namespace vmm::ata {

std::string IdeBus::firmware_path() const {
    return DeviceBus::firmware_path() + strf("/drive@%x", port_number_);
}

Status IdeBus::plug_in(Device& device) {
    Drive* drive = device.as_ata();
    if (drive == nullptr) return Error::make("'%s' is no IDE drive", device.id().c_str());
    if (full()) return Error::make("IDE bus '%s' has a drive already", bus_name().c_str());
    drive->set_serial_number(serial_);
    port_.set_drive(drive);
    return {};
}

void IdeBus::take_out(Device&) {
    port_.set_drive(nullptr);
}

}  // namespace vmm::ata
