// Keyboards, mice and tablets; see input.h. The numbers are those of Linux's input-event-codes.
#include "hw/virtio/input.h"

#include <algorithm>

#include "hw/core/device_env.h"

namespace vmm::virtio {

namespace {

// What the driver can select. Virtio 1.2, 5.8.4.
constexpr uint8_t kName = 0x01, kSerial = 0x02, kDeviceIds = 0x03, kEventBits = 0x11, kAxisInfo = 0x12;
constexpr size_t kSelectAt = 0, kSubselectAt = 1, kSizeAt = 2, kItemAt = 8, kItemSize = 128;

constexpr uint8_t kKey = 0x01, kRelative = 0x02, kAbsolute = 0x03, kLed = 0x11, kRepeat = 0x14;
constexpr unsigned kLastKey = 127, kFirstButton = 0x110, kButtons = 5, kGearDown = 0x150, kGearUp = 0x151;
constexpr unsigned kAxisX = 0, kAxisY = 1, kWheel = 8, kLeds = 3;
constexpr uint32_t kTabletRange = 0x7fff;
constexpr uint16_t kVirtualBus = 0x06, kVendor = 0x0627;

constexpr unsigned kEventQueue = 0, kStatusQueue = 1;
constexpr uint16_t kQueueSize = 64;

using BitMap = std::vector<uint8_t>;
void set(BitMap& map, unsigned number) {
    map.resize(std::max<size_t>(map.size(), number / 8 + 1));
    map[number / 8] = static_cast<uint8_t>(map[number / 8] | 1u << number % 8);
}

BitMap keys_of(InputKind kind, bool wheel_axis) {
    BitMap map;
    if (kind == InputKind::Keyboard) {
        for (unsigned key = 1; key <= kLastKey; ++key)
            set(map, key);
        return map;
    }
    for (unsigned button = 0; button < kButtons; ++button)
        set(map, kFirstButton + button);
    if (!wheel_axis) {
        set(map, kGearDown);
        set(map, kGearUp);
    }
    return map;
}

BitMap relative_axes_of(InputKind kind, bool wheel_axis) {
    BitMap map;
    if (kind == InputKind::Keyboard) return map;
    if (kind == InputKind::Mouse) {
        set(map, kAxisX);
        set(map, kAxisY);
    }
    if (wheel_axis) set(map, kWheel);
    return map;
}

BitMap events_of(InputKind kind, uint8_t type, bool wheel_axis) {
    BitMap map;
    switch (type) {
        case kKey:
            return keys_of(kind, wheel_axis);
        case kRelative:
            return relative_axes_of(kind, wheel_axis);
        case kAbsolute:
            if (kind != InputKind::Tablet) break;
            set(map, kAxisX);
            set(map, kAxisY);
            break;
        case kLed:
            for (unsigned led = 0; kind == InputKind::Keyboard && led < kLeds; ++led)
                set(map, led);
            break;
        case kRepeat:
            // One byte that says that keys repeat.
            if (kind == InputKind::Keyboard) map = {0};
            break;
        default:
            break;
    }
    return map;
}

std::vector<uint8_t> text(std::string_view value) {
    value = value.substr(0, kItemSize);
    return {value.begin(), value.end()};
}

template <typename T>
std::vector<uint8_t> raw(const T& value) {
    return {bytes_of(value).begin(), bytes_of(value).end()};
}

constexpr std::array<std::string_view, 3> kNames = {"QEMU Virtio Keyboard", "QEMU Virtio Mouse",
                                                    "QEMU Virtio Tablet"};

}  // namespace

Result<std::unique_ptr<Input>> Input::create(InputKind kind, const InputConfig& config, DeviceEnv& env) {
    auto device = std::make_unique<Input>(kind, config, env);
    const uint16_t sizes[] = {kQueueSize, kQueueSize};
    TRY(device->make_queues(sizes));
    return device;
}

Input::Input(InputKind kind, const InputConfig& config, DeviceEnv& env)
    : Device({.id = DeviceId::Input, .name = "virtio-input", .config_size = kItemAt + kItemSize}, env.dma(),
             env.loop()),
      kind_(kind),
      config_(config) {}

std::vector<uint8_t> Input::item(uint8_t select, uint8_t subselect) const {
    switch (select) {
        case kName:
            return text(kNames[static_cast<size_t>(kind_)]);
        case kSerial:
            return text(config_.serial);
        case kDeviceIds:
            return raw(std::array<Le16, 4>{
                kVirtualBus, kVendor, static_cast<uint16_t>(static_cast<unsigned>(kind_) + 1),
                static_cast<uint16_t>(kind_ != InputKind::Keyboard && config_.wheel_axis ? 2 : 1)});
        case kEventBits:
            return events_of(kind_, subselect, config_.wheel_axis);
        case kAxisInfo:
            // Least, most, noise, flat part, resolution.
            if (kind_ != InputKind::Tablet || subselect > kAxisY) return {};
            return raw(std::array<Le32, 5>{0, kTabletRange, 0, 0, 0});
        default:
            return {};
    }
}

void Input::show_selected() {
    const std::vector<uint8_t> shown = item(select_, subselect_);
    std::array<uint8_t, kItemAt + kItemSize> all = {};
    all[kSelectAt] = select_;
    all[kSubselectAt] = subselect_;
    all[kSizeAt] = static_cast<uint8_t>(shown.size());
    std::copy(shown.begin(), shown.end(), all.begin() + kItemAt);
    set_config(0, all);
}

void Input::config_written(size_t offset, std::span<const uint8_t> bytes) {
    if (offset + bytes.size() > kSubselectAt + 1) return Device::config_written(offset, bytes);
    if (offset == kSelectAt) select_ = bytes[0];
    if (offset + bytes.size() == kSubselectAt + 1) subselect_ = bytes.back();
    show_selected();
}

void Input::was_reset() {
    select_ = subselect_ = 0;
    show_selected();
}

void Input::handle(Queue& queue) {
    // Event buffers wait in the ring until there is an event.
    if (queue.index() != kStatusQueue) return;
    serve(queue, [&] {
        if (!queue.pop(status_)) return Served::None;
        InputEvent event;
        const auto got = copy_from(queue.memory(), status_.readable(), 0, writable_bytes_of(event));
        queue.complete(status_, 0);
        if (got == sizeof event && event.type == kLed && event.code < 32) {
            const uint32_t light = 1u << event.code;
            lights_ = event.value != 0 ? lights_ | light : lights_ & ~light;
        }
        return Served::One;
    });
}

void Input::send(std::span<const InputEvent> events) {
    if (!running()) return;
    Queue& queue = this->queue(kEventQueue);
    while (chains_.size() < events.size())
        chains_.push_back(std::make_unique<Chain>());
    for (size_t i = 0; i < events.size(); ++i) {
        if (queue.pop(*chains_[i])) continue;
        while (i-- > 0)
            queue.unpop(*chains_[i]);
        return;
    }
    for (size_t i = 0; i < events.size(); ++i) {
        const auto written = copy_to(queue.memory(), chains_[i]->writable(), 0, bytes_of(events[i]));
        queue.push(*chains_[i], written.value_or(0));
    }
    queue.publish();
}

}  // namespace vmm::virtio
