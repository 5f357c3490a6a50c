// The same device under two more names, as management programs that know what they want ask for it:
// "-transitional" has the legacy and the modern interface wherever it is plugged in, "-non-transitional" the
// modern one only. They lack the properties that choose between the two. Header only.
#pragma once

#include <array>
#include <memory>
#include <string_view>

#include "hw/core/device_type.h"
#include "hw/virtio/pci_config.h"

namespace vmm::virtio {

// The rows of D but the two that choose the interface, which stand next to each other.
template <typename D>
struct FixedInterface {
    static constexpr size_t kChosenAt = [] {
        size_t at = 0;
        while (D::kProps[at].name != "disable-legacy")
            ++at;
        return at;
    }();
    static constexpr auto kProps = []<size_t... I>(std::index_sequence<I...>) {
        return std::array{D::kProps[I < kChosenAt ? I : I + 2]...};
    }
    (std::make_index_sequence<D::kProps.size() - 2>());
    static_assert(D::kProps[kChosenAt + 1].name == "disable-modern");
};

template <typename D>
void add_variants(DeviceTypes& types, std::string_view transitional, std::string_view modern) {
    using Config = typename D::Config;
    DeviceType type = device_type<D>();
    type.properties = FixedInterface<D>::kProps;
    type.info.alias = {};
    type.info.name = transitional;
    type.make_config = []() -> std::unique_ptr<AnyConfig> {
        auto config = std::make_unique<ConfigOf<Config>>();
        config->value.disable_legacy = qapi::OnOffAuto::Off;
        return config;
    };
    types.add(type);
    type.info.name = modern;
    type.make_config = []() -> std::unique_ptr<AnyConfig> {
        auto config = std::make_unique<ConfigOf<Config>>();
        config->value.disable_legacy = qapi::OnOffAuto::On;
        return config;
    };
    types.add(type);
}

}  // namespace vmm::virtio
