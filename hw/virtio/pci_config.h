// What users can say of every virtio device on PCI, and what each kind of them adds to that: class, number of
// vectors. Configs of virtio PCI devices derive from PciConfig and put pci_props<Config>() in front of their
// own rows. Data only.
#pragma once

#include <cstdint>
#include <optional>

#include "hw/pci/function_config.h"
#include "hw/virtio/features.h"
#include "qapi/types_common.h"
#include "qom/property.h"

namespace vmm::virtio {

struct PciConfig : pci::FunctionConfig {
    // Features of every device.
    bool indirect_desc = true, event_idx = true, notify_on_empty = true, any_layout = true;
    bool iommu_platform = false, packed = false, queue_reset = true;
    // The transport.
    qapi::OnOffAuto disable_legacy = qapi::OnOffAuto::Auto;
    bool disable_modern = false;
    bool ioeventfd = true;
    std::optional<uint32_t> vectors;
    bool page_per_vq = false, modern_pio_notify = false, ats = false;
};

template <typename C>
constexpr auto pci_props() {
    return join_props(
        pci::function_props<C>(),
        std::array{
            prop<C, &PciConfig::disable_legacy>("disable-legacy",
                                                "only the interface of virtio 1.0 and later"),
            prop<C, &PciConfig::disable_modern>("disable-modern", "only the interface before virtio 1.0"),
            prop<C, &PciConfig::vectors>("vectors", "MSI-X vectors; 0: interrupt pin only"),
            prop<C, &PciConfig::ioeventfd>("ioeventfd", "the kernel signals notifications"),
            prop<C, &PciConfig::page_per_vq>("page-per-vq", "a page of notification space for each queue"),
            prop<C, &PciConfig::modern_pio_notify>("modern-pio-notify", "notifications through an I/O port"),
            prop<C, &PciConfig::ats>("ats", "address translation services"),
            prop<C, &PciConfig::indirect_desc>("indirect_desc", "indirect descriptors"),
            prop<C, &PciConfig::event_idx>("event_idx", "notifications by index"),
            prop<C, &PciConfig::notify_on_empty>("notify_on_empty", "legacy: interrupt when all is used"),
            prop<C, &PciConfig::any_layout>("any_layout", "legacy: buffers of any shape"),
            prop<C, &PciConfig::iommu_platform>("iommu_platform", "VIRTIO_F_ACCESS_PLATFORM"),
            prop<C, &PciConfig::packed>("packed", "packed rings"),
            prop<C, &PciConfig::queue_reset>("queue_reset", "queues can be reset one by one")});
}

// What can be said of a configuration without a machine.
Status check_pci_config(const PciConfig& config);

// What a kind of device is on PCI.
struct PciKind {
    std::string_view type;  // "virtio-blk-pci"
    uint32_t class_code = 0xff0000;
    uint16_t legacy_id = 0;  // PCI device id of the transitional interface; 0: there is none
    unsigned vectors = 0;    // unless the user says
};

}  // namespace vmm::virtio
