// Slot registers and their events.
#include "hw/pci/slot.h"

#include "util/bits.h"

namespace vmm::pci {

namespace {

// Slot capabilities.
constexpr uint32_t kButton = 1u << 0, kPowerController = 1u << 1, kAttentionLight = 1u << 3,
                   kPowerLight = 1u << 4, kSurprise = 1u << 5, kCapable = 1u << 6, kInterlock = 1u << 17;
using Number = Bits<31, 19>;
// Slot control: event enables, lights, power, interlock.
constexpr uint16_t kButtonEnable = 1u << 0, kPresenceEnable = 1u << 3, kCompletedEnable = 1u << 4,
                   kInterruptEnable = 1u << 5, kLinkEnable = 1u << 12;
using AttentionLight = Bits<7, 6>;
using PowerLight = Bits<9, 8>;
constexpr uint16_t kPowerOff = 1u << 10, kToggleInterlock = 1u << 11;
constexpr uint64_t kLightOn = 1, kLightBlinks = 2, kLightOff = 3;
// Slot status.
constexpr uint16_t kButtonPressed = 1u << 0, kPresenceChanged = 1u << 3, kCommandCompleted = 1u << 4,
                   kPresent = 1u << 6, kInterlocked = 1u << 7, kLinkChanged = 1u << 8;
constexpr uint16_t kEvents = kButtonPressed | kPresenceChanged | kCommandCompleted | kLinkChanged;
constexpr uint16_t kEnables = kButtonEnable | kPresenceEnable | kCompletedEnable | kLinkEnable;

constexpr uint16_t kLightsOff =
    static_cast<uint16_t>(AttentionLight::of(kLightOff) | PowerLight::of(kLightOff));

// The events that these enables let through: they sit at the same bits but for the link's.
uint16_t enabled_events(uint16_t control) {
    return static_cast<uint16_t>((control & (kButtonEnable | kPresenceEnable | kCompletedEnable)) |
                                 ((control & kLinkEnable) != 0 ? kLinkChanged : 0));
}

}  // namespace

Slot::Slot(ConfigSpace& config, unsigned express_at, const Config& values)
    : at_(express_at), values_(values) {
    config.set16(at_ + kExpressFlags, config.load16(at_ + kExpressFlags) | kExpressFlagSlot);
    uint32_t cap = static_cast<uint32_t>(Number::of(values.number)) | kInterlock | kPowerLight |
                   kAttentionLight | kButton;
    if (values.hotplug) cap |= kSurprise | kCapable;
    if (values.power_controller) cap |= kPowerController;
    config.set32(at_ + kExpressSlotCap, cap);
    config.set16(at_ + kExpressSlotControl, kLightsOff);
    config.set_writable(
        at_ + kExpressSlotControl,
        static_cast<uint32_t>(kEnables | kInterruptEnable | kToggleInterlock | AttentionLight::kMask |
                              PowerLight::kMask | (values.power_controller ? kPowerOff : 0)),
        2);
    config.set_write_one_clears(at_ + kExpressSlotStatus, kEvents, 2);
    control_ = kLightsOff;
}

bool Slot::off(uint16_t control) const {
    return (control & kPowerOff) != 0 && PowerLight::get(control) == kLightOff;
}

Slot::Effects Slot::written(ConfigSpace& config, unsigned offset, unsigned size) {
    const unsigned at = at_ + kExpressSlotControl;
    if (offset >= at + 2 || offset + size <= at) return {};
    uint16_t control = config.load16(at);
    if ((control & kToggleInterlock) != 0) {
        config.set16(at_ + kExpressSlotStatus, config.load16(at_ + kExpressSlotStatus) ^ kInterlocked);
        control &= static_cast<uint16_t>(~kToggleInterlock);
        config.set16(at, control);
    }
    Effects effects;
    effects.power_changed = ((control ^ control_) & kPowerOff) != 0;
    // Only the moment of switching off lets go: some write the register of a slot that is off while they
    // get ready to switch it on.
    const bool present = (config.load16(at_ + kExpressSlotStatus) & kPresent) != 0;
    effects.eject = values_.hotplug && present && off(control) && !off(control_);
    control_ = control;
    raise(config, kCommandCompleted);
    return effects;
}

void Slot::raise(ConfigSpace& config, uint16_t events) {
    config.set16(at_ + kExpressSlotStatus, config.load16(at_ + kExpressSlotStatus) | events);
}

bool Slot::pending(const ConfigSpace& config) const {
    const uint16_t control = config.load16(at_ + kExpressSlotControl);
    const uint16_t status = config.load16(at_ + kExpressSlotStatus);
    return (control & kInterruptEnable) != 0 && (status & enabled_events(control)) != 0;
}

bool Slot::powered(const ConfigSpace& config) const {
    return (config.load16(at_ + kExpressSlotControl) & kPowerOff) == 0;
}

bool Slot::locked(const ConfigSpace& config) const {
    return (config.load16(at_ + kExpressSlotStatus) & kInterlocked) != 0;
}

void Slot::show_presence(ConfigSpace& config, bool present) {
    const auto with = [present](uint16_t value, uint16_t flag) {
        return static_cast<uint16_t>(present ? value | flag : value & ~flag);
    };
    config.set16(at_ + kExpressSlotStatus, with(config.load16(at_ + kExpressSlotStatus), kPresent));
    if ((config.load32(at_ + kExpressLinkCap) & kExpressLinkActiveReported) != 0)
        config.set16(at_ + kExpressLinkStatus,
                     with(config.load16(at_ + kExpressLinkStatus), kExpressLinkActive));
}

void Slot::reset(ConfigSpace& config, bool occupied) {
    uint16_t control = kLightsOff;
    if (values_.power_controller) {
        PowerLight::set(control, occupied ? kLightOn : kLightOff);
        if (!occupied) control |= kPowerOff;
    }
    config.set16(at_ + kExpressSlotControl, control);
    config.set16(at_ + kExpressSlotStatus, 0);
    show_presence(config, occupied);
    control_ = control;
}

void Slot::fill(ConfigSpace& config) {
    show_presence(config, true);
    if (!values_.power_controller) return;
    uint16_t control = config.load16(at_ + kExpressSlotControl) & static_cast<uint16_t>(~kPowerOff);
    PowerLight::set(control, kLightOn);
    config.set16(at_ + kExpressSlotControl, control);
    control_ = control;
}

void Slot::fill_hot(ConfigSpace& config) {
    show_presence(config, true);
    raise(config, kPresenceChanged | kButtonPressed);
}

void Slot::empty(ConfigSpace& config) {
    show_presence(config, false);
    raise(config, kPresenceChanged);
}

Removal Slot::ask_removal(ConfigSpace& config) {
    if (!values_.hotplug) return Removal::Refused;
    const uint16_t control = config.load16(at_ + kExpressSlotControl);
    if (PowerLight::get(control) == kLightBlinks) return Removal::Busy;
    if (off(control)) return Removal::AtOnce;
    raise(config, kButtonPressed);
    return Removal::Asked;
}

}  // namespace vmm::pci
