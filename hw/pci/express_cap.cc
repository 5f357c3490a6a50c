// The registers' fixed fields and masks.
#include "hw/pci/express_cap.h"

#include "util/bits.h"
#include "util/check.h"

namespace vmm::pci {

namespace {

// Flags.
using Version = Bits<3, 0>;
using Kind = Bits<7, 4>;
// Device capabilities.
constexpr uint32_t kRoleBasedErrors = 1u << 15;
// Link capabilities.
using Speed = Bits<3, 0>;
using Width = Bits<9, 4>;
using PowerStates = Bits<11, 10>;
using Port = Bits<31, 24>;
constexpr uint64_t kL0s = 1;
constexpr uint32_t kBandwidthNotification = 1u << 21;
constexpr uint16_t kLinkControlBits = 0x00c3;  // ASPM, common clock, extended sync
// Device capabilities 2.
constexpr uint32_t kExtendedFormat = 1u << 20, kEndToEndPrefix = 1u << 21;
constexpr uint16_t kPrefixBlocking = 1u << 15;

constexpr uint16_t kErrorEnables = 0x000f, kErrorsSeen = 0x000f;

bool has_link(ExpressKind kind) {
    return kind != ExpressKind::IntegratedEndpoint;
}

bool is_downstream(ExpressKind kind) {
    return kind == ExpressKind::RootPort || kind == ExpressKind::SwitchDownstream;
}

void set_up_link(ConfigSpace& config, unsigned at, const ExpressConfig& e) {
    const auto speed = static_cast<uint8_t>(e.speed);
    uint32_t cap = static_cast<uint32_t>(Speed::of(speed) | Width::of(e.width) | PowerStates::of(kL0s) |
                                         Port::of(e.port));
    // Who can change its speed or width must tell of it.
    if (is_downstream(e.kind) && (e.width > 1 || e.speed > LinkSpeed::Gt2_5)) cap |= kBandwidthNotification;
    if (is_downstream(e.kind) && e.speed > LinkSpeed::Gt5) cap |= kExpressLinkActiveReported;
    config.set32(at + kExpressLinkCap, cap);
    config.set16(at + kExpressLinkStatus, static_cast<uint16_t>(Speed::of(speed) | Width::of(e.width)));
    config.set_writable(at + kExpressLinkControl, kLinkControlBits, 2);
    if (e.speed == LinkSpeed::Gt2_5) return;
    // The vector of speeds: bit 1 is the lowest.
    config.set32(at + kExpressLinkCap2, static_cast<uint32_t>((bit(speed) - 1) << 1));
    config.set16(at + kExpressLinkControl2, speed);
    config.set_writable(at + kExpressLinkControl2, static_cast<uint32_t>(Speed::kMask), 2);
}

}  // namespace

unsigned add_express_capability(ConfigSpace& config, const ExpressConfig& e, std::optional<unsigned> offset) {
    CHECK(config.size() == kExpressSize, "an express capability in conventional configuration space");
    const unsigned at = config.add_capability(kCapExpress, kExpressSizeOfCap, offset);
    config.set16(at + kExpressFlags,
                 static_cast<uint16_t>(Version::of(2) | Kind::of(static_cast<uint8_t>(e.kind))));
    config.set32(at + kExpressDeviceCap,
                 kRoleBasedErrors | (e.function_reset ? kExpressCanResetFunction : 0));
    config.set_writable(at + kExpressDeviceControl,
                        kErrorEnables | (e.function_reset ? kExpressFunctionReset : 0u), 2);
    config.set_write_one_clears(at + kExpressDeviceStatus, kErrorsSeen, 2);
    if (has_link(e.kind)) set_up_link(config, at, e);
    config.set32(at + kExpressDeviceCap2, kExtendedFormat | kEndToEndPrefix);
    config.set_writable(at + kExpressDeviceControl2, kPrefixBlocking, 2);
    if (e.kind == ExpressKind::RootPort) config.set_writable(at + kExpressRootControl, 0x7, 2);
    return at;
}

unsigned add_power_management(ConfigSpace& config, std::optional<unsigned> offset) {
    constexpr unsigned kSize = 8, kAbilities = 2, kControl = 4;
    constexpr uint16_t kVersion3 = 3, kState = 3, kNoSoftReset = 1u << 3;
    const unsigned at = config.add_capability(kCapPowerManagement, kSize, offset);
    config.set16(at + kAbilities, kVersion3);
    config.set16(at + kControl, kNoSoftReset);
    config.set_writable(at + kControl, kState, 2);
    return at;
}

void add_error_reporting(ConfigSpace& config, unsigned at, ErrorReporter reporter) {
    constexpr unsigned kUncorrectable = 0x04, kUncorrectableMask = 0x08, kSeverity = 0x0c,
                       kCorrectable = 0x10, kCorrectableMask = 0x14, kControl = 0x18, kRootCommand = 0x2c,
                       kRootStatus = 0x30;
    constexpr uint32_t kUncorrectableBits = 0x03fff030, kInternalError = 1u << 22;
    constexpr uint32_t kSevere = 0x00462030;  // link, flow control, overflow, malformed, internal
    constexpr uint32_t kCorrectableBits = 0x0000f1c1, kCorrectableMasked = 0x0000e000;
    constexpr uint32_t kEcrcCapable = 0x0a0, kEcrcEnables = 0x140;
    config.add_extended_capability(kExtCapErrorReporting, 2, at, kErrorReportingSize);
    config.set_write_one_clears(at + kUncorrectable, kUncorrectableBits, 4);
    config.set32(at + kUncorrectableMask, kInternalError);
    config.set_writable(at + kUncorrectableMask, kUncorrectableBits, 4);
    config.set32(at + kSeverity, kSevere);
    config.set_writable(at + kSeverity, kUncorrectableBits, 4);
    config.set_write_one_clears(at + kCorrectable, kCorrectableBits, 4);
    config.set32(at + kCorrectableMask, kCorrectableMasked);
    config.set_writable(at + kCorrectableMask, kCorrectableBits, 4);
    config.set32(at + kControl, kEcrcCapable);
    config.set_writable(at + kControl, kEcrcEnables, 4);
    if (reporter != ErrorReporter::RootPort) return;
    config.set_writable(at + kRootCommand, 0x7, 4);
    config.set_write_one_clears(at + kRootStatus, 0x7f, 4);
}

void add_access_control(ConfigSpace& config, unsigned at) {
    // Source validation, translation blocking, request and completion redirect, upstream forwarding, direct
    // translated.
    constexpr uint16_t kServices = 0x5f;
    config.add_extended_capability(kExtCapAccessControl, 1, at, 8);
    config.set16(at + 4, kServices);
    config.set_writable(at + 6, kServices, 2);
}

}  // namespace vmm::pci
