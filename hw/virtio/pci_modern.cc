// The registers of the modern interface. Virtio 1.2, 4.1.4.3 to 4.1.4.6.
#include "hw/virtio/pci_layout.h"
#include "hw/virtio/pci_transport.h"
#include "util/log.h"

namespace vmm::virtio {

namespace {

// Hidden from drivers of this interface.
constexpr uint64_t kLegacyOnly = kNotifyOnEmpty | kAnyLayout;

uint32_t half(uint64_t value, uint32_t select) {
    return select > 1 ? 0 : static_cast<uint32_t>(value >> (32 * select));
}

void set_half(uint64_t& value, bool high, uint32_t half_value) {
    if (high)
        Bits<63, 32>::set(value, half_value);
    else
        Bits<31, 0>::set(value, half_value);
}

}  // namespace

bool PciTransport::queue_selected() const {
    return queue_select_ < device_->queue_count();
}

uint64_t PciTransport::read_common(uint64_t offset, unsigned size) {
    using namespace common;
    uint64_t value = 0;
    switch (offset) {
        case kDeviceFeatureSelect:
            value = device_feature_select_;
            break;
        case kDeviceFeature:
            value = half(device_->offered_features() & ~kLegacyOnly, device_feature_select_);
            break;
        case kDriverFeatureSelect:
            value = driver_feature_select_;
            break;
        case kDriverFeature:
            value = half(device_->driver_features(), driver_feature_select_);
            break;
        case kConfigVector:
            value = config_vector_;
            break;
        case kNumQueues:
            value = device_->queue_count();
            break;
        case kStatus:
            value = device_->status();
            break;
        case kGeneration:
            value = device_->config_generation();
            break;
        case kQueueSelect:
            value = queue_select_;
            break;
        default:
            value = read_queue_register(offset);
            break;
    }
    return value & all_ones(size);
}

uint64_t PciTransport::read_queue_register(uint64_t offset) {
    using namespace common;
    if (!queue_selected()) return 0;
    const unsigned index = queue_select_;
    return device_->with_queue(index, [&](const Queue& queue) -> uint64_t {
        switch (offset) {
            case kQueueSize:
                return queue.place.size;
            case kQueueVector:
                return queue_vectors_[index];
            case kQueueEnable:
                return queue.enabled ? 1 : 0;
            case kQueueNotifyOff:
            case kQueueNotifyData:
                return index;
            case kQueueDesc:
            case kQueueDesc + 4:
                return half(queue.place.descriptors, (offset & 4) / 4);
            case kQueueDriver:
            case kQueueDriver + 4:
                return half(queue.place.driver, (offset & 4) / 4);
            case kQueueDevice:
            case kQueueDevice + 4:
                return half(queue.place.device, (offset & 4) / 4);
            case kQueueReset:
                return queue.draining() ? 1 : 0;
            default:
                return 0;
        }
    });
}

void PciTransport::write_common(uint64_t offset, uint64_t value, unsigned size) {
    using namespace common;
    const auto word = static_cast<uint32_t>(value);
    switch (offset) {
        case kDeviceFeatureSelect:
            device_feature_select_ = word;
            break;
        case kDriverFeatureSelect:
            driver_feature_select_ = word;
            break;
        case kDriverFeature: {
            const uint32_t select = driver_feature_select_;
            if (select <= 1)
                device_->set_driver_features(uint64_t{word} << (32 * select),
                                             uint64_t{0xffffffff} << (32 * select));
            break;
        }
        case kConfigVector:
            config_vector_ = checked_vector(value);
            break;
        case kStatus:
            write_status(static_cast<uint8_t>(value));
            break;
        case kQueueSelect:
            queue_select_ = static_cast<uint16_t>(value);
            break;
        default:
            write_queue_register(offset, value, size);
            break;
    }
}

void PciTransport::write_queue_register(uint64_t offset, uint64_t value, unsigned size) {
    using namespace common;
    if (!queue_selected()) return;
    const unsigned index = queue_select_;
    switch (offset) {
        case kQueueSize:
            device_->set_queue_place(index,
                                     [&](RingPlace& place) { place.size = static_cast<uint16_t>(value); });
            break;
        case kQueueVector:
            queue_vectors_[index] = checked_vector(value);
            break;
        case kQueueEnable:
            if (value == 1) device_->enable_queue(index);
            update_events();
            break;
        case kQueueReset:
            if (value != 1 || (device_->driver_features() & kRingReset) == 0) break;
            device_->reset_queue(index);
            queue_vectors_[index] = kNoVector;
            update_events();
            break;
        default:
            if (size == 4) write_queue_address(offset, static_cast<uint32_t>(value));
            break;
    }
}

void PciTransport::write_queue_address(uint64_t offset, uint32_t value) {
    using namespace common;
    if (offset < kQueueDesc || offset >= kQueueNotifyData || offset % 4 != 0) return;
    const bool high = (offset & 4) != 0;
    device_->set_queue_place(queue_select_, [&](RingPlace& place) {
        if (offset < kQueueDriver)
            set_half(place.descriptors, high, value);
        else if (offset < kQueueDevice)
            set_half(place.driver, high, value);
        else
            set_half(place.device, high, value);
    });
}

uint64_t PciTransport::read_isr(uint64_t offset, unsigned) {
    return offset == 0 ? take_isr() : 0;
}

uint64_t PciTransport::read_device(uint64_t offset, unsigned size) {
    std::array<uint8_t, 8> bytes = {};
    device_->read_config(offset, std::span(bytes).first(size));
    return load_le_sized(bytes.data(), size);
}

void PciTransport::write_device(uint64_t offset, uint64_t value, unsigned size) {
    std::array<uint8_t, 8> bytes = {};
    store_le_sized(bytes.data(), value, size);
    device_->write_config(offset, std::span(bytes).first(size));
}

void PciTransport::write_notify(uint64_t offset, uint64_t, unsigned) {
    const uint64_t index = offset / notify_step();
    if (index < device_->queue_count()) device_->queue(static_cast<unsigned>(index)).kick();
}

}  // namespace vmm::virtio
