// See boot_order.h.
#include "hw/core/boot_order.h"

#include <map>

#include "util/text.h"

namespace vmm {

Result<std::vector<std::string>> boot_paths(const std::vector<const Device*>& devices) {
    std::map<int32_t, std::string> paths;
    for (const Device* device : devices) {
        for (const Device::BootPlace& place : device->boot_places()) {
            if (place.index < 0) continue;
            if (!paths.emplace(place.index, firmware_path_of(*device) + place.unit).second)
                return Error::make("The bootindex %d has already been used", place.index)
                    .with_hint("each device needs another bootindex=");
        }
    }
    std::vector<std::string> ordered;
    for (auto& [index, path] : paths)
        ordered.push_back(std::move(path));
    return ordered;
}

std::vector<uint8_t> bios_geometry_file(const std::vector<const Device*>& devices) {
    std::string text;
    for (const Device* device : devices) {
        const std::optional<Device::BiosGeometry> g = device->bios_geometry();
        if (!g) continue;
        text += (text.empty() ? "" : "\n") + firmware_path_of(*device) + g->unit +
                strf(" %u %u %u", g->cylinders, g->heads, g->sectors);
    }
    if (text.empty()) return {};
    std::vector<uint8_t> bytes(text.begin(), text.end());
    bytes.push_back(0);
    return bytes;
}

}  // namespace vmm
