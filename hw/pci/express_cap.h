// The PCI Express capability (version 2) of every kind of function: its fixed fields, and which bits a guest
// may write. Hot-plug slots have their registers in slot.h. Also power management, the capability that every
// express function has beside it. PCI Express Base 4.0, 7.5.2 and 7.5.3. Called by constructors and
// Function::joining().
#pragma once

#include <cstdint>
#include <optional>

#include "hw/pci/config_space.h"

namespace vmm::pci {

enum class ExpressKind : uint8_t {
    Endpoint = 0,
    LegacyEndpoint = 1,
    RootPort = 4,
    SwitchUpstream = 5,
    SwitchDownstream = 6,
    ToConventional = 7,  // a bridge
    IntegratedEndpoint = 9,
};

// As the registers number them.
enum class LinkSpeed : uint8_t { Gt2_5 = 1, Gt5 = 2, Gt8 = 3, Gt16 = 4 };

// Offsets from the capability.
inline constexpr unsigned kExpressSizeOfCap = 0x3c;
inline constexpr unsigned kExpressFlags = 0x02;
inline constexpr unsigned kExpressDeviceCap = 0x04;
inline constexpr unsigned kExpressDeviceControl = 0x08;
inline constexpr unsigned kExpressDeviceStatus = 0x0a;
inline constexpr unsigned kExpressLinkCap = 0x0c;
inline constexpr unsigned kExpressLinkControl = 0x10;
inline constexpr unsigned kExpressLinkStatus = 0x12;
inline constexpr unsigned kExpressSlotCap = 0x14;
inline constexpr unsigned kExpressSlotControl = 0x18;
inline constexpr unsigned kExpressSlotStatus = 0x1a;
inline constexpr unsigned kExpressRootControl = 0x1c;
inline constexpr unsigned kExpressDeviceCap2 = 0x24;
inline constexpr unsigned kExpressDeviceControl2 = 0x28;
inline constexpr unsigned kExpressLinkCap2 = 0x2c;
inline constexpr unsigned kExpressLinkControl2 = 0x30;
inline constexpr unsigned kExpressLinkStatus2 = 0x32;

inline constexpr uint16_t kExpressFlagSlot = 0x0100;
inline constexpr uint32_t kExpressCanResetFunction = 1u << 28;    // in device capabilities
inline constexpr uint16_t kExpressFunctionReset = 0x8000;         // in device control
inline constexpr uint16_t kExpressLinkActive = 0x2000;            // in link status
inline constexpr uint32_t kExpressLinkActiveReported = 1u << 20;  // in link capabilities

struct ExpressConfig {
    ExpressKind kind = ExpressKind::Endpoint;
    uint8_t port = 0;
    LinkSpeed speed = LinkSpeed::Gt2_5;
    uint8_t width = 1;            // lanes
    bool function_reset = false;  // the function can be reset by device control
};

// Returns the capability's offset. Constructor or joining() only.
unsigned add_express_capability(ConfigSpace& config, const ExpressConfig& express,
                                std::optional<unsigned> at = {});

// D0 and D3hot can be entered; nothing depends on it. Returns its offset.
unsigned add_power_management(ConfigSpace& config, std::optional<unsigned> at = {});

// Advanced error reporting, 0x48 bytes of extended space: the registers of a function that finds no errors.
// PCI Express Base 4.0, 7.8.4.
enum class ErrorReporter { Function, RootPort };
void add_error_reporting(ConfigSpace& config, unsigned at, ErrorReporter reporter);

// Access control services of a port: all that are there can be switched, none changes a route here.
// PCI Express Base 4.0, 7.7.8.
void add_access_control(ConfigSpace& config, unsigned at);
inline constexpr unsigned kErrorReportingSize = 0x48;

}  // namespace vmm::pci
