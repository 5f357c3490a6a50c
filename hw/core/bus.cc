// See bus.h.
#include "hw/core/bus.h"

#include <algorithm>

namespace vmm {

DeviceBus::~DeviceBus() {
    CHECK(children_.empty(), "bus '%s' dies with devices on it", bus_name_.c_str());
}

Status DeviceBus::attach(Device& device) {
    TRY(plug_in(device));
    children_.push_back(&device);
    device.parent_bus_ = this;
    return {};
}

void DeviceBus::detach(Device& device) {
    const auto at = std::find(children_.begin(), children_.end(), &device);
    CHECK(at != children_.end(), "device '%s' is not on bus '%s'", device.id().c_str(), bus_name_.c_str());
    take_out(device);
    children_.erase(at);
    device.parent_bus_ = nullptr;
}

Status DeviceBus::takes(const DeviceInfo&) const {
    return {};
}

Status DeviceBus::request_unplug(Device& device) {
    released(device);
    return {};
}

void DeviceBus::released(Device& device) {
    if (sink_ != nullptr) sink_->device_released(device);
}

std::string DeviceBus::firmware_path() const {
    return owner_ != nullptr ? firmware_path_of(*owner_) : std::string();
}

std::string firmware_path_of(const Device& device) {
    const DeviceBus* bus = device.parent_bus();
    return (bus != nullptr ? bus->firmware_path() : std::string()) + device.firmware_node();
}

}  // namespace vmm
