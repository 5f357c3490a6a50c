// UUIDs; see uuid.h.
#include "util/uuid.h"

#include <utility>

#include "util/text.h"

namespace vmm {

namespace {
int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}
bool dash_before(size_t byte) {
    return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}
}  // namespace

Result<Uuid> Uuid::parse(std::string_view text) {
    Uuid uuid;
    size_t at = 0;
    bool good = text.size() == 36;
    for (size_t i = 0; good && i < 16; ++i) {
        if (dash_before(i)) good = text[at++] == '-';
        int high = hex_digit(text[at]);
        int low = hex_digit(text[at + 1]);
        at += 2;
        good = good && high >= 0 && low >= 0;
        uuid.bytes[i] = static_cast<uint8_t>(high * 16 + low);
    }
    if (!good) {
        return Error::make("'%.*s' is not a UUID", static_cast<int>(text.size()), text.data())
            .with_hint("write 32 hexadecimal digits as 8-4-4-4-12");
    }
    return uuid;
}

std::string Uuid::text() const {
    std::string out;
    for (size_t i = 0; i < 16; ++i) {
        if (dash_before(i)) out += '-';
        out += strf("%02x", bytes[i]);
    }
    return out;
}

std::array<uint8_t, 16> Uuid::mixed_endian() const {
    std::array<uint8_t, 16> out = bytes;
    std::swap(out[0], out[3]);
    std::swap(out[1], out[2]);
    std::swap(out[4], out[5]);
    std::swap(out[6], out[7]);
    return out;
}

}  // namespace vmm
