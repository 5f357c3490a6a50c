// See boot_order.h.
#include "hw/core/boot_order.h"

#include <map>

#include "util/text.h"

namespace vmm {

Result<std::vector<std::string>> boot_paths(const std::vector<const Device*>& devices,
                                            const std::vector<std::pair<int32_t, std::string>>& others) {
    std::map<int32_t, std::string> paths;
    auto add = [&paths](int32_t index, std::string path) -> Status {
        if (index < 0 || paths.emplace(index, std::move(path)).second) return {};
        return Error::make("The bootindex %d has already been used", index)
            .with_hint("each device needs another bootindex=");
    };
    for (const auto& [index, path] : others)
        TRY(add(index, path));
    for (const Device* device : devices) {
        for (const Device::BootPlace& place : device->boot_places())
            if (place.index >= 0) TRY(add(place.index, firmware_path_of(*device) + place.unit));
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
