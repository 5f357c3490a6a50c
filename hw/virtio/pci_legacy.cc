// The registers of the legacy interface: an I/O BAR with a header, then the device's configuration.
// Virtio 1.2, 4.1.4.8.
#include "hw/virtio/pci_layout.h"
#include "hw/virtio/pci_transport.h"

namespace vmm::virtio {

uint32_t PciTransport::legacy_config_at() const {
    return msix_ != nullptr && msix_->enabled() ? legacy::kConfigWithMsix : legacy::kConfig;
}

uint64_t PciTransport::read_legacy(uint64_t offset, unsigned size) {
    using namespace legacy;
    if (offset >= legacy_config_at()) return read_device(offset - legacy_config_at(), size);
    uint64_t value = 0;
    switch (offset) {
        case kHostFeatures:
            value = device_->offered_features() & kLegacyFeatures;
            break;
        case kGuestFeatures:
            value = device_->driver_features() & kLegacyFeatures;
            break;
        case kQueueFrame:
            if (queue_selected())
                value = device_->with_queue(queue_select_,
                                            [](const Queue& q) { return q.place.descriptors / kFrame; });
            break;
        case legacy::kQueueSize:
            if (queue_selected()) value = device_->queue(queue_select_).max_size();
            break;
        case legacy::kQueueSelect:
            value = queue_select_;
            break;
        case legacy::kStatus:
            value = device_->status();
            break;
        case kIsr:
            value = take_isr();
            break;
        case legacy::kConfigVector:
            value = config_vector_;
            break;
        case legacy::kQueueVector:
            value = queue_selected() ? queue_vectors_[queue_select_].load() : kNoVector;
            break;
        default:
            break;
    }
    return value & all_ones(size);
}

void PciTransport::write_legacy(uint64_t offset, uint64_t value, unsigned size) {
    using namespace legacy;
    if (offset >= legacy_config_at()) {
        write_device(offset - legacy_config_at(), value, size);
        return;
    }
    switch (offset) {
        case kGuestFeatures:
            device_->set_driver_features(value, kLegacyFeatures);
            break;
        case kQueueFrame:
            place_legacy_queue(value & kLegacyFeatures);
            break;
        case legacy::kQueueSelect:
            queue_select_ = static_cast<uint16_t>(value);
            break;
        case kNotify:
            if (value < device_->queue_count()) device_->queue(static_cast<unsigned>(value)).kick();
            break;
        case legacy::kStatus:
            write_legacy_status(static_cast<uint8_t>(value));
            break;
        case legacy::kConfigVector:
            config_vector_ = checked_vector(value);
            break;
        case legacy::kQueueVector:
            if (queue_selected()) queue_vectors_[queue_select_] = checked_vector(value);
            break;
        default:
            break;
    }
}

// Frame 0 resets the device: that is how the first drivers let it go.
void PciTransport::place_legacy_queue(uint64_t frame) {
    if (frame == 0) {
        write_status(0);
        return;
    }
    if (!queue_selected()) return;
    device_->set_queue_place(queue_select_, [&](RingPlace& place) {
        const uint64_t size = place.size;
        place.descriptors = frame * legacy::kFrame;
        place.driver = place.descriptors + size * 16;
        place.device = align_up(place.driver + 2 * (3 + size), legacy::kFrame);
    });
    device_->enable_queue(queue_select_);
}

// Early drivers forgot to turn bus mastering on.
void PciTransport::write_legacy_status(uint8_t status) {
    write_status(status);
    if (status == (kAcknowledge | kDriver))
        config_write(pci::kCommand, config_read(pci::kCommand, 2) | pci::kCommandMaster, 2);
}

}  // namespace vmm::virtio
