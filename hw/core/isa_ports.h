// What devices with I/O ports of the user's choice check of them. Header only.
#pragma once

#include <cstdint>

#include "util/result.h"

namespace vmm {

// The error names the property iobase.
inline Status check_ports(uint32_t iobase, uint32_t count) {
    if (iobase < 0x10000 && count <= 0x10000 - iobase) return {};
    return Error::make("Parameter 'iobase' expects ports up to 0xffff, not 0x%x to 0x%x", iobase,
                       iobase + count - 1);
}

}  // namespace vmm
