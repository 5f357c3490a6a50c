#include "hw/acpi/fadt.h"

#include "util/bits.h"
#include "util/check.h"

namespace vmm::acpi {

namespace {

constexpr uint16_t kResetPort = 0xcf9;
constexpr uint8_t kResetValue = 0x0f;  // full reset with power cycle

// Fixed feature flags (table 5.10).
constexpr uint32_t kWbinvd = 1u << 0, kProcC1 = 1u << 2, kNoSleepButton = 1u << 5, kRtcS4 = 1u << 7,
                   kResetRegister = 1u << 10, kUsePlatformClock = 1u << 15, kForceClusterModel = 1u << 18;
// Boot architecture flags (table 5.11).
constexpr uint16_t k8042 = 1u << 1, kNoVga = 1u << 2;

constexpr uint16_t kNoC2 = 0x0fff, kNoC3 = 0x0fff;  // latencies that say "not supported"

uint32_t feature_flags(const FadtConfig& c) {
    uint32_t flags = kWbinvd | kProcC1 | kNoSleepButton | kResetRegister | kUsePlatformClock;
    if (c.can_sleep_s4) flags |= kRtcS4;
    if (c.highest_apic_id > 7) flags |= kForceClusterModel;
    return flags;
}

void add_legacy_blocks(TableBuilder& b, const FadtConfig& c) {
    b.u32(c.pm_base).u32(0);                                  // PM1a, PM1b events
    b.u32(c.pm_base + 4u).u32(0);                             // PM1a, PM1b control
    b.u32(0);                                                 // PM2
    b.u32(c.pm_base + 8u);                                    // timer
    b.u32(c.pm_base + 0x20u).u32(0);                          // GPE0, GPE1
    b.u8(4).u8(2).u8(0).u8(4).u8(c.gpe0_length).u8(0).u8(0);  // lengths; GPE1 base
    b.u8(0);                                                  // no _CST notification
}

void add_extended_blocks(TableBuilder& b, const FadtConfig& c) {
    const auto io = AddressSpaceId::SystemIo;
    b.gas(io, 32, c.pm_base).zeros(12);
    b.gas(io, 16, c.pm_base + 4u).zeros(12);
    b.zeros(12);
    b.gas(io, 32, c.pm_base + 8u);
    b.gas(io, static_cast<uint8_t>(c.gpe0_length * 8), c.pm_base + 0x20u).zeros(12);
}

}  // namespace

Table build_fadt(const FadtConfig& c, const TableIds& ids) {
    const bool smi = c.smi_command_port != 0;
    TableBuilder b("FACP", 3, ids);
    b.pointer(c.facs_offset, 4).pointer(c.dsdt_offset, 4);
    b.u8(1).u8(0);  // interrupt model (reserved since ACPI 2), power profile: unspecified
    b.u16(c.sci_gsi).u32(c.smi_command_port);
    b.u8(smi ? kAcpiEnableCommand : 0).u8(smi ? kAcpiDisableCommand : 0).u8(0).u8(0);
    add_legacy_blocks(b, c);
    b.u16(kNoC2).u16(kNoC3);
    b.u16(0).u16(0);  // flush size and stride: WBINVD works
    b.u8(0).u8(0);    // no duty cycle
    b.u8(0).u8(0).u8(c.century_index);
    b.u16(static_cast<uint16_t>((c.has_i8042 ? k8042 : 0u) | (c.has_vga ? 0u : kNoVga)));
    b.u8(0);
    b.u32(feature_flags(c));
    b.gas(AddressSpaceId::SystemIo, 8, kResetPort).u8(kResetValue);
    b.u16(0).u8(0);               // ARM flags, minor revision
    b.u64(0);                     // X_FIRMWARE_CTRL: the 32-bit one is used
    b.pointer(c.dsdt_offset, 8);  // X_DSDT
    add_extended_blocks(b, c);
    CHECK(b.size() == 244, "FADT of %zu bytes", b.size());
    return b.finish();
}

Table build_facs() {
    Table facs;
    append_padded(facs.bytes, "FACS", 4);
    facs.bytes.resize(64);
    facs.bytes[4] = 64;
    facs.has_checksum = false;
    return facs;
}

}  // namespace vmm::acpi
