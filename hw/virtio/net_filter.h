// NetFilter: which frames from the network a card gives to its driver: receive modes, its address, the tables
// of addresses and VLANs that the control queue sets. Virtio 1.2, 5.1.6.5. Pure; the caller locks.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <span>
#include <vector>

#include "backends/net/client.h"
#include "hw/core/mac_address.h"

namespace vmm::virtio {

class NetFilter {
  public:
    // Of one table; a driver that has more gets all frames of the kind.
    static constexpr size_t kMostAddresses = 64;

    // As after a reset. `vlans`: the driver chooses them.
    void reset(const MacAddress& mac, bool vlans);
    bool wants(std::span<const uint8_t> frame) const;

    // Commands of the control queue; false when there is no such command or its data is wrong. Nothing
    // changes then.
    [[nodiscard]] bool receive_command(uint8_t command, std::span<const uint8_t> data);
    [[nodiscard]] bool set_tables(std::span<const uint8_t> data);
    [[nodiscard]] bool vlan_command(uint8_t command, std::span<const uint8_t> data);
    void set_mac(const MacAddress& mac) { mac_ = mac; }
    const MacAddress& mac() const { return mac_; }
    // All but the card's name.
    net::RxFilter describe() const;

  private:
    struct Table {
        std::vector<MacAddress> addresses;
        bool overflow = false;
        bool contains(std::span<const uint8_t> address) const;
    };
    // Takes one off the front of the data.
    static bool read_table(std::span<const uint8_t>& data, Table& table);

    MacAddress mac_;
    bool promiscuous_ = true;
    bool all_multicast_ = false, all_unicast_ = false;
    bool no_multicast_ = false, no_unicast_ = false, no_broadcast_ = false;
    Table unicast_, multicast_;
    std::bitset<4096> vlans_;
};

}  // namespace vmm::virtio
