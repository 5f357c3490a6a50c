// See device_type.h.
#include "hw/core/device_type.h"

#include <algorithm>
#include <utility>

namespace vmm {

std::string_view to_text(DeviceCategory category) {
    switch (category) {
        case DeviceCategory::Bridge:
            return "Controller/Bridge/Hub";
        case DeviceCategory::Usb:
            return "USB";
        case DeviceCategory::Storage:
            return "Storage";
        case DeviceCategory::Network:
            return "Network";
        case DeviceCategory::Input:
            return "Input";
        case DeviceCategory::Display:
            return "Display";
        case DeviceCategory::Sound:
            return "Sound";
        case DeviceCategory::Misc:
            return "Misc";
        case DeviceCategory::Cpu:
            return "CPU";
        case DeviceCategory::Watchdog:
            return "Watchdog";
    }
    UNREACHABLE();
}

void DeviceTypes::add(const DeviceType& type) {
    CHECK(find(type.info.name) == nullptr, "device type '%.*s' is registered twice",
          static_cast<int>(type.info.name.size()), type.info.name.data());
    const auto after = [](const DeviceType& a, const DeviceType& b) { return a.info.name < b.info.name; };
    types_.insert(std::upper_bound(types_.begin(), types_.end(), type, after), type);
}

void DeviceTypes::add_named(std::string name, DeviceType type) {
    names_.push_back(std::make_shared<const std::string>(std::move(name)));
    type.info.name = *names_.back();
    add(type);
}

const DeviceType* DeviceTypes::find(std::string_view name) const {
    for (const DeviceType& type : types_)
        if (type.info.name == name || (!name.empty() && type.info.alias == name)) return &type;
    return nullptr;
}

}  // namespace vmm
