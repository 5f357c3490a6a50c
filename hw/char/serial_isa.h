// Where the four serial ports of a PC are. The board maps a Uart16550 at each one that is wanted. Data only.
#pragma once

#include <array>
#include <cstdint>

namespace vmm {

struct IsaSerialPlace {
    uint16_t port;
    uint8_t irq;
};
inline constexpr std::array<IsaSerialPlace, 4> kIsaSerialPlaces = {
    {{0x3f8, 4}, {0x2f8, 3}, {0x3e8, 4}, {0x2e8, 3}}};

}  // namespace vmm
