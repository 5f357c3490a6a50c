// MacAddress: an Ethernet address as a property ("52:54:00:12:34:56"), and MacPool, which knows those that
// the machine's network cards have and gives others to cards whose user said none. Main thread.
#pragma once

#include <array>
#include <cstdint>
#include <set>
#include <string>

#include "qom/property.h"

namespace vmm {

struct MacAddress {
    std::array<uint8_t, 6> bytes{};
    auto operator<=>(const MacAddress&) const = default;
};
std::string to_text(const MacAddress& mac);
// Six bytes in hexadecimal, between them colons or dashes.
Result<MacAddress> parse_mac(const std::string& text);

template <>
struct PropertyKind<MacAddress> {
    static constexpr std::string_view kName = "str";
    static Status visit(qapi::Visitor& visitor, std::string_view name, MacAddress& value);
    static const qapi::EnumInfo* values() { return nullptr; }
};

class MacPool {
  public:
    // 52:54:00:12:34:56 or the first after it that no card has.
    MacAddress fresh() const;
    void take(const MacAddress& mac) { taken_.insert(mac); }
    void give_back(const MacAddress& mac);

  private:
    std::multiset<MacAddress> taken_;  // users may give one twice
};

}  // namespace vmm
