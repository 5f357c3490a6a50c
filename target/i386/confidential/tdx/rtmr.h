// Events that the firmware of a TD measures into RTMR0 and RTMR1 and that this program determines: the TD
// HOB, the configuration volume, variables, separators, boot actions (TCG PC Client Platform Firmware
// Profile 1.06; TDVF Design Guide, chapter 10). A register is extended with each digest in order. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "util/digest.h"

namespace vmm::tdx {

// Types of events, as event logs number them.
inline constexpr uint32_t kEventSeparator = 0x4;
inline constexpr uint32_t kEventTag = 0x6;
inline constexpr uint32_t kEventPlatformConfig = 0xa;
inline constexpr uint32_t kEventVariableDriverConfig = 0x80000001;
inline constexpr uint32_t kEventVariableBoot = 0x80000002;
inline constexpr uint32_t kEventBootServicesApplication = 0x80000003;
inline constexpr uint32_t kEventAction = 0x80000007;
inline constexpr uint32_t kEventFirmwareBlob = 0x8000000a;
inline constexpr uint32_t kEventHandoffTables = 0x8000000b;

struct MeasuredEvent {
    uint32_t type = 0;
    Sha384Digest digest{};
    std::string what;  // for people
};

using Guid = std::array<uint8_t, 16>;  // in memory order
extern const Guid kGlobalVariable;     // SecureBoot, PK, KEK
extern const Guid kSecurityDatabase;   // db, dbx

// A variable as it decides about secure boot: its names and contents are measured together.
Sha384Digest variable_digest(const Guid& vendor, std::string_view name, std::span<const uint8_t> contents);
Sha384Digest separator_digest();
Sha384Digest action_digest(std::string_view action);
// The list up to its end marker.
Sha384Digest td_hob_digest(std::span<const uint8_t> hob);

// Options for booting, whose contents alone are measured.
std::vector<uint8_t> boot_order_of(std::span<const uint16_t> order);
// The load option of an application in a firmware volume.
struct VolumeApplication {
    Guid volume;
    Guid file;
    std::string_view description;
    uint32_t attributes;
};
std::vector<uint8_t> load_option(const VolumeApplication& application);
// What edk2's OVMF sets up first when it has nothing else: its own menu.
VolumeApplication ovmf_ui_app();

// What extending a register with these in order makes of zero.
Sha384Digest replay(std::span<const MeasuredEvent> events);

struct MeasuredTable {
    std::string file;
    Sha384Digest digest{};
};
// RTMR0 of an OVMF in its default state (no keys enrolled), as far as this program determines it: up to the
// ACPI tables, and when it starts a kernel directly, before it looks for anything else to boot, to the end.
struct Rtmr0Inputs {
    std::span<const uint8_t> hob;
    std::vector<Sha384Digest> configuration_volumes;  // digests of their bytes
    std::vector<MeasuredTable> tables;                // of ACPI, as they are fetched
    bool starts_kernel = false;
};
std::vector<MeasuredEvent> rtmr0_events(const Rtmr0Inputs& inputs);
// RTMR1 when OVMF starts this kernel directly; kernel_digest is authenticode_digest()'s.
std::vector<MeasuredEvent> rtmr1_events(const Sha384Digest& kernel_digest);

}  // namespace vmm::tdx
