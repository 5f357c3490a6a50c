// DeviceRequest: a device that somebody asked for (-device, device_add, the board's own wishes): its type,
// id, bus and whole, checked configuration. What can be refused without a machine is refused here.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hw/core/device_type.h"
#include "qapi/value.h"

namespace vmm {

// A default that -global or the machine's version puts under the user's values.
struct PropertyDefault {
    std::string driver, property, value;
};

struct DeviceRequest {
    const DeviceType* type = nullptr;
    std::string id;
    std::string bus;     // empty: the first that fits
    bool board = false;  // what the machine brings along, such as the ports of -serial
    std::shared_ptr<const AnyConfig> config;
};

// From the members of -device or device_add: driver, id, bus and properties. The defaults apply in their
// order; those of properties that the type does not have are refused.
Result<DeviceRequest> parse_device(const DeviceTypes& types, const qapi::Dict& options, Spelling spelling,
                                   const std::vector<PropertyDefault>& defaults);

// Puts those of the defaults that concern the type into its config, in their order.
Status apply_defaults(const DeviceInfo& info, PropertyTable properties,
                      const std::vector<PropertyDefault>& defaults, void* config);

}  // namespace vmm
