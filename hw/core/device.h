// Device: what every emulated device is. It is made whole by its create(), owned by the machine (the device
// tree, or the board for its own parts), plugged into a bus and reset in phases. What it asks of the machine
// is handed to its create() (DeviceEnv).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "system/run/reset.h"
#include "util/result.h"

namespace vmm {

class BalloonControl;
class CpuDevice;
class DeviceBus;
class IoOps;
class PcDimm;
struct QomProperty;
namespace pci {
class Function;
}
namespace virtio {
class SerialPort;
}
namespace scsi {
class Unit;
}
namespace ata {
class Drive;
}

// I/O ports that a device on the ISA bus answers. The accesses live as long as the device.
struct PortWindow {
    const char* name;
    uint16_t first;
    uint32_t size;
    IoOps* ops;
};

class Device : public Resettable {
  public:
    // The id is the user's (-device id=...), empty for the board's own devices.
    explicit Device(std::string id = {}) : id_(std::move(id)) {}
    Device(const Device&) = delete;
    Device& operator=(const Device&) = delete;
    virtual std::string_view type() const = 0;
    const std::string& id() const { return id_; }

    // What it is on a bus of the kind; null or empty when it is none.
    virtual pci::Function* as_pci() { return nullptr; }
    virtual scsi::Unit* as_scsi() { return nullptr; }
    virtual virtio::SerialPort* as_virtio_port() { return nullptr; }
    virtual ata::Drive* as_ata() { return nullptr; }
    virtual CpuDevice* as_cpu() { return nullptr; }
    virtual PcDimm* as_dimm() { return nullptr; }
    virtual std::span<const PortWindow> ports() { return {}; }
    virtual BalloonControl* as_balloon() { return nullptr; }

    // What of it can be read, and changed, while it runs, beyond the properties it was made with. Main
    // thread.
    virtual std::vector<QomProperty> live_properties();
    // The type of the device behind a transport, which the object tree shows below it; empty when it is none.
    virtual std::string_view behind() const { return {}; }

    // The buses it gives, for other devices to be plugged into; they live as long as it does.
    virtual std::span<DeviceBus* const> buses() { return {}; }
    // Where it is plugged in; null before and after.
    DeviceBus* parent_bus() const { return parent_bus_; }

    // For firmware, which names devices by Open Firmware paths: this device's own part ("/scsi@3"), and what
    // it can be booted from: the user's bootindex and what follows the device's path ("/disk@0,0").
    struct BootPlace {
        int32_t index;
        std::string unit;
    };
    virtual std::string firmware_node() const { return {}; }
    virtual std::vector<BootPlace> boot_places() const { return {}; }
    // What the user wants the BIOS to show of a disk.
    struct BiosGeometry {
        uint32_t cylinders, heads, sectors;
        std::string unit = {};  // as a BootPlace's
    };
    virtual std::optional<BiosGeometry> bios_geometry() const { return std::nullopt; }

    // After it was plugged, and again before it leaves: back ends are told, iothreads let go. Main thread.
    virtual Status plugged() { return {}; }
    virtual void unplugging() {}

  private:
    friend class DeviceBus;
    const std::string id_;
    DeviceBus* parent_bus_ = nullptr;
};

}  // namespace vmm
