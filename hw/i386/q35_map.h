// Every guest-physical address of a q35 machine, computed from sizes by one pure function. Addresses are ABI:
// a guest that was measured or hibernated depends on them, so tests pin them. ICH9 and 82G33/Q35 datasheets
// for the fixed ones.
#pragma once

#include <cstdint>
#include <optional>

#include "system/memory/address.h"
#include "util/result.h"

namespace vmm {

inline constexpr uint64_t kFourGiB = 4 * kGiB;
inline constexpr uint64_t kVgaWindowBase = 0xa0000;  // legacy video window, also compatible SMRAM
inline constexpr uint64_t kVgaWindowSize = 0x20000;
inline constexpr uint64_t kShadowBase = 0xc0000;  // option ROMs and the system BIOS shadow, ruled by PAM
inline constexpr uint64_t kShadowSize = 0x40000;
inline constexpr uint64_t kIoApicBase = 0xfec00000;
inline constexpr uint64_t kIoApicSize = 0x1000;
inline constexpr uint64_t kHpetBase = 0xfed00000;
inline constexpr uint64_t kHpetSize = 0x400;
inline constexpr uint64_t kRootComplexBase = 0xfed1c000;  // RCBA, when the firmware puts it there
inline constexpr uint64_t kLocalApicBase = 0xfee00000;
inline constexpr uint64_t kLocalApicSize = 0x100000;  // with the MSI window
inline constexpr uint64_t kIdentityMapBase =
    0xfeffc000;                                   // one page the kernel uses for real mode on some hosts
inline constexpr uint64_t kTssBase = 0xfeffd000;  // three more
inline constexpr uint64_t kEcamBase = 0xb0000000;
inline constexpr uint64_t kEcamSize = 256 * kMiB;  // 256 buses
inline constexpr uint64_t kMaxFirmwareSize = 16 * kMiB;
inline constexpr uint64_t kIsaBiosMax = 128 * kKiB;  // what of the firmware shows below 1 MiB

struct Q35MapRequest {
    uint64_t ram_size = 0;
    uint64_t max_ram_below_4g = 0;  // machine property; 0: the default split
    uint64_t firmware_size = 0;     // 0: none (direct boot)
    uint64_t pci_hole64_size = 32 * kGiB;
    unsigned phys_bits = 40;    // of the guest's CPU
    uint64_t module_bytes = 0;  // of memory that may be plugged in
    unsigned module_slots = 0;
};

struct Q35Map {
    GpaRange ram_below = GpaRange::of(Gpa(0), 1);
    std::optional<GpaRange> ram_above;  // from 4 GiB
    GpaRange ecam = GpaRange::of(Gpa(kEcamBase), kEcamSize);
    GpaRange pci_hole = GpaRange::of(Gpa(0), 1);  // 32-bit window for BARs, above the ECAM
    std::optional<GpaRange> modules;              // kept for memory that is plugged in
    std::optional<GpaRange> pci_hole64;
    std::optional<GpaRange> firmware;  // ends at 4 GiB
    std::optional<GpaRange> isa_bios;  // ends at 1 MiB; shows the end of the firmware
};

// Refuses RAM that the CPU cannot address and firmware that does not fit, with the sizes in the message.
Result<Q35Map> lay_out_q35(const Q35MapRequest& request);

}  // namespace vmm
