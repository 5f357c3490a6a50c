#include "hw/acpi/aml_encode.h"

#include "util/check.h"
#include "util/text.h"

namespace vmm::aml {

namespace {

constexpr size_t kMaxNumber = (size_t{1} << 28) - 1;

constexpr bool is_lead_character(char c) {
    return (c >= 'A' && c <= 'Z') || c == '_';
}

// The number in `bytes` bytes: one byte holds 6 bits; otherwise the first holds 4 and the count of the rest.
Bytes encode_number(size_t number, unsigned bytes) {
    if (bytes == 1) return {static_cast<uint8_t>(number)};
    Bytes out = {static_cast<uint8_t>(((bytes - 1) << 6) | (number & 0xf))};
    for (unsigned i = 1; i < bytes; ++i)
        out.push_back(static_cast<uint8_t>(number >> (4 + 8 * (i - 1))));
    return out;
}

// How many bytes hold this number.
unsigned bytes_for(size_t number) {
    if (number < 0x40) return 1;
    if (number < 0x1000) return 2;
    if (number < 0x100000) return 3;
    return 4;
}

}  // namespace

Bytes package_number(size_t number) {
    CHECK(number <= kMaxNumber, "AML package of %zu bytes", number);
    return encode_number(number, bytes_for(number));
}

Bytes package_length(size_t body_size) {
    CHECK(body_size + 4 <= kMaxNumber, "AML package of %zu bytes", body_size);
    unsigned bytes = 1;
    while (bytes_for(body_size + bytes) > bytes)
        ++bytes;
    return encode_number(body_size + bytes, bytes);
}

Bytes name_segment(std::string_view segment) {
    CHECK(!segment.empty() && segment.size() <= 4 && is_lead_character(segment[0]), "AML name '%.*s'",
          static_cast<int>(segment.size()), segment.data());
    Bytes out;
    for (char c : segment) {
        CHECK(is_lead_character(c) || (c >= '0' && c <= '9'), "AML name '%.*s'",
              static_cast<int>(segment.size()), segment.data());
        out.push_back(static_cast<uint8_t>(c));
    }
    out.resize(4, '_');
    return out;
}

Bytes name_string(std::string_view path) {
    Bytes out;
    if (path.starts_with('\\')) {
        out.push_back('\\');
        path.remove_prefix(1);
    }
    while (path.starts_with('^')) {
        out.push_back('^');
        path.remove_prefix(1);
    }
    if (path.empty()) {
        out.push_back(0);
        return out;
    }
    std::vector<std::string_view> segments = split(path, '.');
    CHECK(segments.size() < 256, "AML path of %zu segments", segments.size());
    if (segments.size() == 2) out.push_back(0x2e);
    if (segments.size() > 2) {
        out.push_back(0x2f);
        out.push_back(static_cast<uint8_t>(segments.size()));
    }
    for (std::string_view segment : segments) {
        Bytes bytes = name_segment(segment);
        out.insert(out.end(), bytes.begin(), bytes.end());
    }
    return out;
}

}  // namespace vmm::aml
