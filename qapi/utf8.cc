// UTF-8 decoding and encoding; see utf8.h.
#include "qapi/utf8.h"

#include <cstdint>

namespace vmm::qapi {

std::optional<char32_t> utf8_take(std::string_view& text) {
    if (text.empty()) return {};
    uint8_t lead = static_cast<uint8_t>(text[0]);
    if (lead < 0x80) {
        text.remove_prefix(1);
        return lead;
    }
    size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (lead < 0xc2 || lead > 0xf4 || text.size() < length) return {};
    char32_t character = lead & (0x7fu >> length);
    for (size_t i = 1; i < length; ++i) {
        uint8_t next = static_cast<uint8_t>(text[i]);
        if ((next & 0xc0) != 0x80) return {};
        character = character << 6 | (next & 0x3f);
    }
    constexpr char32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
    if (character < kSmallest[length] || character > 0x10ffff) return {};
    if (character >= 0xd800 && character < 0xe000) return {};
    text.remove_prefix(length);
    return character;
}

void utf8_append(std::string& out, char32_t character) {
    auto put = [&](char32_t byte) { out += static_cast<char>(static_cast<uint8_t>(byte)); };
    if (character < 0x80) {
        put(character);
    } else if (character < 0x800) {
        put(0xc0 | character >> 6);
        put(0x80 | (character & 0x3f));
    } else if (character < 0x10000) {
        put(0xe0 | character >> 12);
        put(0x80 | (character >> 6 & 0x3f));
        put(0x80 | (character & 0x3f));
    } else {
        put(0xf0 | character >> 18);
        put(0x80 | (character >> 12 & 0x3f));
        put(0x80 | (character >> 6 & 0x3f));
        put(0x80 | (character & 0x3f));
    }
}

bool utf8_valid(std::string_view text) {
    while (!text.empty())
        if (!utf8_take(text)) return false;
    return true;
}

}  // namespace vmm::qapi
