// DeviceBus: where devices are plugged in: a name that users write (bus=pcie.0), a type that says which
// devices fit, and the devices on it. Each kind of bus (PCI, ISA, SCSI, IDE ...) derives from it; the board
// or a device owns it. Main thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "hw/core/device.h"
#include "util/result.h"

namespace vmm {

struct DeviceInfo;

// Who ends devices that guests let go.
class DeviceSink {
  public:
    virtual ~DeviceSink() = default;
    // Any thread.
    virtual void device_released(Device& device) = 0;
};

class DeviceBus {
  public:
    // The owner is null for the board's buses.
    DeviceBus(std::string name, std::string_view type, Device* owner = nullptr)
        : bus_name_(std::move(name)), bus_type_(type), owner_(owner) {}
    virtual ~DeviceBus();
    DeviceBus(const DeviceBus&) = delete;
    DeviceBus& operator=(const DeviceBus&) = delete;

    const std::string& bus_name() const { return bus_name_; }
    std::string_view bus_type() const { return bus_type_; }  // "PCIE", "PCI", "ISA", "SCSI", "IDE"
    Device* owner() const { return owner_; }
    // For owners that are put together after the bus; before anything is plugged in.
    void set_owner(Device& owner) { owner_ = &owner; }
    const std::vector<Device*>& children() const { return children_; }

    // Whether devices of this bus type (DeviceType::bus) fit.
    virtual bool accepts(std::string_view type) const { return type == bus_type_; }
    // Whether devices may come and go while the guest runs.
    virtual bool hotpluggable() const { return false; }
    // What the Open Firmware paths of its devices begin with; by default, its owner's path.
    virtual std::string firmware_path() const;
    // Whether the bus takes this very type of those that fit; an error for the user.
    virtual Status takes(const DeviceInfo& info) const;
    // A device that was asked to go may be asked again, as the guest may never have heard.
    virtual bool asks_again() const { return false; }
    // Nothing more fits: the search for a default bus goes on to another one.
    virtual bool full() const { return false; }

    // Puts the device where its configuration says, or changes nothing. The device is borrowed.
    Status attach(Device& device);
    void detach(Device& device);
    // Asks the guest to let the device go and calls released() once it has; a bus that has nobody to ask, as
    // this default, does so at once.
    virtual Status request_unplug(Device& device);
    // The machine was reset: what the guest was asked to let go is let go now.
    virtual void finish_unplugs() {}

  protected:
    // The guest let the device go (any thread, no lock held): whoever made it takes it out and ends it soon.
    void released(Device& device);
    // For a board that plugs its own devices in without attach(): their parent_bus().
    void adopt(Device& device) { device.parent_bus_ = this; }
    virtual Status plug_in(Device& device) = 0;
    virtual void take_out(Device& device) = 0;

  private:
    friend class DeviceTree;
    DeviceSink* sink_ = nullptr;  // the tree that made its children
    const std::string bus_name_;
    const std::string_view bus_type_;
    Device* owner_;
    std::vector<Device*> children_;
};

// "/pci@i0cf8/scsi@3" of a device that is plugged in.
std::string firmware_path_of(const Device& device);

}  // namespace vmm
