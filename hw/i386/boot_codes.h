// -boot's letters as the codes that firmware of a PC reads: a and b the floppy, c the hard disk, d the
// CD-ROM, n the network; three places. Pure; read by the command line and the board.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "util/result.h"

namespace vmm {

// The codes that hw/rtc/cmos_layout.h lists; 0 ends the list.
using BootCodes = std::array<uint8_t, 3>;
Result<BootCodes> boot_codes(std::string_view letters);

}  // namespace vmm
