// Base64; see base64.h.
#include "util/base64.h"

namespace vmm {

namespace {

constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

}  // namespace

std::string to_base64(std::span<const uint8_t> bytes) {
    std::string out;
    out.reserve((bytes.size() + 2) / 3 * 4);
    for (size_t i = 0; i < bytes.size(); i += 3) {
        const size_t left = bytes.size() - i;
        const uint32_t group = uint32_t{bytes[i]} << 16 | (left > 1 ? uint32_t{bytes[i + 1]} << 8 : 0) |
                               (left > 2 ? uint32_t{bytes[i + 2]} : 0);
        out += kDigits[group >> 18];
        out += kDigits[group >> 12 & 63];
        out += left > 1 ? kDigits[group >> 6 & 63] : '=';
        out += left > 2 ? kDigits[group & 63] : '=';
    }
    return out;
}

Result<std::vector<uint8_t>> from_base64(std::string_view text) {
    std::vector<uint8_t> out;
    uint32_t group = 0;
    unsigned digits = 0, padding = 0;
    for (const char c : text) {
        if (is_space(c)) continue;
        if (c == '=') {
            ++padding;
            continue;
        }
        const size_t value = kDigits.find(c);
        if (value == std::string_view::npos || padding != 0) return Error::make("this is not base64");
        group = group << 6 | static_cast<uint32_t>(value);
        if (++digits % 4 != 0) continue;
        out.push_back(static_cast<uint8_t>(group >> 16));
        out.push_back(static_cast<uint8_t>(group >> 8));
        out.push_back(static_cast<uint8_t>(group));
        group = 0;
    }
    const unsigned left = digits % 4;
    if (left == 1 || padding != (4 - left) % 4) return Error::make("this is not base64: it is cut off");
    if (left >= 2) out.push_back(static_cast<uint8_t>(group >> (left == 2 ? 4 : 10)));
    if (left == 3) out.push_back(static_cast<uint8_t>(group >> 2));
    return out;
}

}  // namespace vmm
