// The little code that stands where firmware does when a Multiboot kernel is entered: such a kernel finds the
// machine as a BIOS leaves it (GNU Multiboot Specification 0.6.96, 3.2). It runs in the guest, since the
// interrupt controllers and the timer may be the kernel's. Pure.
#pragma once

#include <cstdint>

#include "hw/i386/guest_writer.h"

namespace vmm {

// Puts it at its place below 1 MiB, and the vectors of the hardware's interrupts at theirs. Returns the
// address at which a processor in flat 32-bit mode sets up the interrupt controllers and the timer and goes
// to `entry` with `eax`; EDX is lost.
Result<uint32_t> write_firmware_code(uint32_t entry, uint32_t eax, GuestWriter& guest);

}  // namespace vmm
