// Ethernet addresses; see mac_address.h.
#include "hw/core/mac_address.h"

#include <glib.h>

#include "util/text.h"

namespace vmm {

std::string to_text(const MacAddress& mac) {
    const auto& b = mac.bytes;
    return strf("%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4], b[5]);
}

Result<MacAddress> parse_mac(const std::string& text) {
    constexpr size_t kLength = 17;
    MacAddress mac;
    bool good = text.size() == kLength;
    for (size_t i = 0; good && i < kLength; ++i) {
        const char c = text[i];
        if (i % 3 == 2) {
            good = c == ':' || c == '-';
            continue;
        }
        const int digit = g_ascii_xdigit_value(c);
        good = digit >= 0;
        mac.bytes[i / 3] = static_cast<uint8_t>(mac.bytes[i / 3] << 4 | (digit & 15));
    }
    if (!good)
        return Error::make("'%s' is not a MAC address", text.c_str()).with_hint("like 52:54:00:12:34:56");
    return mac;
}

Status PropertyKind<MacAddress>::visit(qapi::Visitor& visitor, std::string_view name, MacAddress& value) {
    std::string text = to_text(value);
    TRY(qapi::visit(visitor, name, text));
    if (visitor.reading()) {
        Result<MacAddress> mac = parse_mac(text);
        if (!mac) return std::move(mac).take_error().while_doing("Parameter '%s'", std::string(name).c_str());
        value = *mac;
    }
    return {};
}

MacAddress MacPool::fresh() const {
    MacAddress mac{{0x52, 0x54, 0x00, 0x12, 0x34, 0x56}};
    // More cards than addresses do not fit into a machine.
    for (unsigned i = 0; i < 0x10000 && taken_.contains(mac); ++i)
        if (++mac.bytes[5] == 0) ++mac.bytes[4];
    return mac;
}

void MacPool::give_back(const MacAddress& mac) {
    const auto at = taken_.find(mac);
    if (at != taken_.end()) taken_.erase(at);
}

}  // namespace vmm
