// What the host bridge's registers say, as pure functions: where the ECAM window is, and which parts of RAM
// are system-management memory. Used by mch.cc. Q35 datasheet, 5.1.14 (PCIEXBAR), 5.1.28 (SMRAM), 5.1.29
// (ESMRAMC).
#pragma once

#include <cstdint>
#include <optional>

#include "system/memory/address.h"

namespace vmm {

namespace mch {
// Offsets in configuration space.
inline constexpr unsigned kExtendedTseg = 0x50;  // a virtual board's register: MiB, asked for with all ones
inline constexpr unsigned kPciExBar = 0x60;
inline constexpr unsigned kPam0 = 0x90;
inline constexpr unsigned kSmbase = 0x9c;  // a virtual board's register, see below
inline constexpr unsigned kSmram = 0x9d;
inline constexpr unsigned kEsmramc = 0x9e;

// SMRAM
inline constexpr uint8_t kOpen = 1u << 6;           // D_OPEN
inline constexpr uint8_t kClosed = 1u << 5;         // D_CLS
inline constexpr uint8_t kLock = 1u << 4;           // D_LCK
inline constexpr uint8_t kEnable = 1u << 3;         // G_SMRAME
inline constexpr uint8_t kSmramReset = 0x02;        // base segment A, wired
inline constexpr uint8_t kSmramWritable = 0x78;     // the four above
inline constexpr uint8_t kSmramUnlocked = kClosed;  // what stays writable under the lock
// ESMRAMC
inline constexpr uint8_t kHigh = 1u << 7;          // H_SMRAME
inline constexpr uint8_t kTsegEnable = 1u << 0;    // T_EN
inline constexpr uint8_t kEsmramcReset = 0x38;     // caches, wired
inline constexpr uint8_t kEsmramcWritable = 0x87;  // H_SMRAME, TSEG_SZ, T_EN

// The register at 0x9c lets firmware hide the 128 KiB at 0x30000, where CPUs start in system-management mode:
// it asks with all ones, is told that it can, and locks.
inline constexpr uint8_t kSmbaseQuery = 0xff, kSmbaseInRam = 0x01, kSmbaseLock = 0x02;
inline constexpr uint64_t kSmbaseWindow = 0x30000, kSmbaseWindowSize = 0x20000;
}  // namespace mch

// Address bits that a window of this register's length has; the guest reads the others as zero.
uint64_t normalize_pciexbar(uint64_t value);
// Empty when disabled, or when the length is the reserved one.
std::optional<GpaRange> ecam_window(uint64_t pciexbar);

// What software outside system-management mode sees.
struct SmramView {
    bool legacy_is_ram = false;  // 0xa0000-0xbffff shows RAM; else the PCI side
    bool high_is_ram = false;    // 0xfeda0000 shows the RAM of 0xa0000
    uint64_t tseg_size = 0;      // bytes at the end of low RAM that do not answer
    bool operator==(const SmramView&) const = default;
};
SmramView smram_view(uint8_t smram, uint8_t esmramc, uint64_t extended_tseg_size);

}  // namespace vmm
