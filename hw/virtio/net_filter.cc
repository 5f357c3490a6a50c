// Which frames a network card takes; see net_filter.h.
#include "hw/virtio/net_filter.h"

#include <algorithm>
#include <cstring>

#include "util/endian.h"

namespace vmm::virtio {

namespace {

constexpr size_t kMacSize = 6, kTypeAt = 12, kTagAt = 14, kTagEnd = 16;
constexpr uint16_t kVlanType = 0x8100;

// Receive modes.
constexpr uint8_t kPromiscuous = 0, kAllMulticast = 1, kAllUnicast = 2, kNoMulticast = 3, kNoUnicast = 4,
                  kNoBroadcast = 5;
constexpr uint8_t kVlanAdd = 0, kVlanDelete = 1;

}  // namespace

void NetFilter::reset(const MacAddress& mac, bool vlans) {
    *this = NetFilter();
    mac_ = mac;
    if (!vlans) vlans_.set();
}

bool NetFilter::Table::contains(std::span<const uint8_t> address) const {
    return overflow || std::any_of(addresses.begin(), addresses.end(), [&](const MacAddress& one) {
               return std::equal(address.begin(), address.end(), one.bytes.begin());
           });
}

bool NetFilter::wants(std::span<const uint8_t> frame) const {
    if (promiscuous_) return true;
    if (frame.size() < kTagAt) return false;
    if (frame.size() >= kTagEnd && load_be<uint16_t>(frame.data() + kTypeAt) == kVlanType &&
        !vlans_.test(load_be<uint16_t>(frame.data() + kTagAt) & 0xfff))
        return false;
    const auto to = frame.first(kMacSize);
    if ((to[0] & 1) != 0) {
        if (std::all_of(to.begin(), to.end(), [](uint8_t b) { return b == 0xff; })) return !no_broadcast_;
        if (no_multicast_) return false;
        return all_multicast_ || multicast_.contains(to);
    }
    if (no_unicast_) return false;
    return all_unicast_ || std::equal(to.begin(), to.end(), mac_.bytes.begin()) || unicast_.contains(to);
}

bool NetFilter::receive_command(uint8_t command, std::span<const uint8_t> data) {
    if (data.size() != 1) return false;
    const bool on = data[0] != 0;
    switch (command) {
        case kPromiscuous:
            promiscuous_ = on;
            return true;
        case kAllMulticast:
            all_multicast_ = on;
            return true;
        case kAllUnicast:
            all_unicast_ = on;
            return true;
        case kNoMulticast:
            no_multicast_ = on;
            return true;
        case kNoUnicast:
            no_unicast_ = on;
            return true;
        case kNoBroadcast:
            no_broadcast_ = on;
            return true;
        default:
            return false;
    }
}

bool NetFilter::read_table(std::span<const uint8_t>& data, Table& table) {
    if (data.size() < 4) return false;
    const size_t count = load_le<uint32_t>(data.data());
    data = data.subspan(4);
    if (count > data.size() / kMacSize) return false;
    table.overflow = count > kMostAddresses;
    for (size_t i = 0; i < count && !table.overflow; ++i) {
        MacAddress& mac = table.addresses.emplace_back();
        std::memcpy(mac.bytes.data(), data.data() + i * kMacSize, kMacSize);
    }
    data = data.subspan(count * kMacSize);
    return true;
}

bool NetFilter::set_tables(std::span<const uint8_t> data) {
    Table unicast, multicast;
    if (!read_table(data, unicast) || !read_table(data, multicast) || !data.empty()) return false;
    unicast_ = std::move(unicast);
    multicast_ = std::move(multicast);
    return true;
}

bool NetFilter::vlan_command(uint8_t command, std::span<const uint8_t> data) {
    if (data.size() != 2 || (command != kVlanAdd && command != kVlanDelete)) return false;
    const auto id = load_le<uint16_t>(data.data());
    if (id >= vlans_.size()) return false;
    vlans_.set(id, command == kVlanAdd);
    return true;
}

net::RxFilter NetFilter::describe() const {
    using Mode = net::RxFilter::Mode;
    const auto mode = [](bool none, bool all) { return none ? Mode::None : all ? Mode::All : Mode::Listed; };
    const auto texts = [](const Table& table) {
        std::vector<std::string> out;
        for (const MacAddress& one : table.addresses)
            out.push_back(to_text(one));
        return out;
    };
    net::RxFilter out = {.promiscuous = promiscuous_,
                         .broadcast = !no_broadcast_,
                         .unicast = mode(no_unicast_, all_unicast_),
                         .multicast = mode(no_multicast_, all_multicast_),
                         .unicast_overflow = unicast_.overflow,
                         .multicast_overflow = multicast_.overflow,
                         .main_mac = to_text(mac_),
                         .unicast_table = texts(unicast_),
                         .multicast_table = texts(multicast_)};
    for (size_t id = 0; id < vlans_.size(); ++id)
        if (vlans_.test(id)) out.vlans.push_back(static_cast<uint16_t>(id));
    return out;
}

}  // namespace vmm::virtio
