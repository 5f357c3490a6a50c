// See smbus_ich9.h.
#include "hw/i386/smbus_ich9.h"

#include "hw/i386/chipset_ids.h"
#include "system/memory/topology.h"

namespace vmm {

namespace {

constexpr unsigned kHostConfig = 0x40, kPortsBar = 4;
constexpr uint8_t kHostEnable = 1u << 0, kHostConfigWritable = 0x07;

}  // namespace

SmbusIch9::SmbusIch9(Topology& topology)
    : Function({.vendor = kIntelVendor,
                .device = kIch9SmbusDevice,
                .class_code = 0x0c0500,
                .revision = kIch9Revision,
                .subsystem_vendor = kBoardSubsystemVendor,
                .subsystem = kBoardSubsystem,
                .interrupt_pin = 1},
               ""),
      topology_(topology),
      eeproms_(kEeproms, SmbusEeprom({})) {
    for (unsigned i = 0; i < kEeproms; ++i)
        bus_.attach(static_cast<uint8_t>(SmbusEeprom::kFirstAddress + i), eeproms_[i]);
    add_bar(kPortsBar, pci::BarKind::Io, ports_);
    {
        Locked lock(mutex());
        config().set_writable(kHostConfig, kHostConfigWritable, 1);
        update_ports();
    }
    freeze();
}

void SmbusIch9::update_ports() {
    topology_.set_enabled(ports_, (config().load8(kHostConfig) & kHostEnable) != 0);
}

void SmbusIch9::config_changed(unsigned offset, unsigned size) {
    if (offset <= kHostConfig && kHostConfig < offset + size) update_ports();
}

uint64_t SmbusIch9::read(uint64_t offset, unsigned) {
    Locked lock(mutex());
    return host_.read(static_cast<unsigned>(offset));
}

void SmbusIch9::write(uint64_t offset, uint64_t value, unsigned) {
    Locked lock(mutex());
    host_.write(static_cast<unsigned>(offset), static_cast<uint8_t>(value));
    set_intx(host_.level());
}

void SmbusIch9::reset_enter() {
    Function::reset_enter();
    Locked lock(mutex());
    host_.reset();
    for (SmbusEeprom& eeprom : eeproms_)
        eeprom.reset();
    update_ports();
}

}  // namespace vmm
