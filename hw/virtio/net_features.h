// Feature bits of network cards (virtio 1.2, 5.1.3) and the frame by which a card tells where it is. Data
// and one function.
#pragma once

#include <cstdint>
#include <vector>

#include "hw/core/mac_address.h"
#include "util/bits.h"

namespace vmm::virtio {

inline constexpr uint64_t kCsum = bit(0), kGuestCsum = bit(1), kCtrlGuestOffloads = bit(2), kMtu = bit(3),
                          kNetMac = bit(5), kGuestTso4 = bit(7), kGuestTso6 = bit(8), kGuestEcn = bit(9),
                          kGuestUfo = bit(10), kHostTso4 = bit(11), kHostTso6 = bit(12), kHostEcn = bit(13),
                          kHostUfo = bit(14), kMrgRxBuf = bit(15), kStatus = bit(16), kCtrlVq = bit(17),
                          kCtrlRx = bit(18), kCtrlVlan = bit(19), kCtrlRxExtra = bit(20),
                          kGuestAnnounce = bit(21), kMultiQueue = bit(22), kCtrlMacAddr = bit(23),
                          kSpeedDuplex = bit(63);

// RFC 903: "who am I", broadcast; switches learn from it. With an empty packet header in front when wanted.
std::vector<uint8_t> reverse_arp_request(const MacAddress& mac, bool header);

}  // namespace vmm::virtio
