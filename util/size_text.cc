// Sizes and their spelling; see size_text.h.
#include "util/size_text.h"

#include <cmath>
#include <cstdlib>

#include "util/align.h"
#include "util/text.h"

namespace vmm {

namespace {

uint64_t unit_of(char suffix) {
    switch (suffix) {
        case 'b':
        case 'B':
            return 1;
        case 'k':
        case 'K':
            return kKiB;
        case 'm':
        case 'M':
            return kMiB;
        case 'g':
        case 'G':
            return kGiB;
        case 't':
        case 'T':
            return kTiB;
        case 'p':
        case 'P':
            return 1024 * kTiB;
        case 'e':
        case 'E':
            return 1024 * 1024 * kTiB;
        default:
            return 0;
    }
}

Error bad_size(std::string_view text, const char* why) {
    return Error::make("'%.*s' is not a size: %s", static_cast<int>(text.size()), text.data(), why)
        .with_hint("write a number with an optional suffix K, M, G, T, P or E, such as 512M or 4G");
}

}  // namespace

Result<uint64_t> parse_size(std::string_view text, uint64_t default_unit) {
    if (text.empty()) return bad_size(text, "it is empty");
    std::string_view digits = text;
    uint64_t unit = default_unit;
    bool hex = text.size() > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    if (uint64_t named = unit_of(text.back());
        named != 0 &&
        !(hex && (text.back() == 'b' || text.back() == 'B' || text.back() == 'e' || text.back() == 'E'))) {
        unit = named;
        digits.remove_suffix(1);
    }
    if (digits.empty() || digits[0] < '0' || digits[0] > '9')
        return bad_size(text, "it does not start with a digit");
    size_t dot = digits.find('.');
    std::optional<uint64_t> whole = parse_u64(digits.substr(0, dot), hex ? 16 : 10);
    if (!whole) return bad_size(text, "the number is malformed or too large");
    std::optional<uint64_t> bytes = checked_mul(*whole, unit);
    if (!bytes) return bad_size(text, "it does not fit into 64 bits");
    if (dot == std::string_view::npos) return *bytes;
    std::string_view fraction = digits.substr(dot + 1);
    if (hex || unit == 1 || fraction.empty() ||
        fraction.find_first_not_of("0123456789") != std::string_view::npos)
        return bad_size(text, "the fraction is malformed");
    double part = std::strtod(("0." + std::string(fraction)).c_str(), nullptr) * static_cast<double>(unit);
    bytes = checked_add(*bytes, static_cast<uint64_t>(part));
    if (!bytes) return bad_size(text, "it does not fit into 64 bits");
    return *bytes;
}

std::string size_text(uint64_t bytes) {
    static constexpr const char* kNames[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    unsigned step = 0;
    while (step < 6 && bytes != 0 && bytes % 1024 == 0) {
        bytes /= 1024;
        ++step;
    }
    return strf("%llu %s", static_cast<unsigned long long>(bytes), kNames[step]);
}

}  // namespace vmm
