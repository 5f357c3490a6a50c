#include "hw/smbios/structures.h"

#include "util/check.h"
#include "util/endian.h"

namespace vmm::smbios {

Structure::Structure(uint8_t type, uint16_t handle) {
    u8(type).u8(0).u16(handle);
}

Structure& Structure::number(uint64_t v, unsigned width) {
    area_.resize(area_.size() + width);
    store_le_sized(area_.data() + area_.size() - width, v, width);
    return *this;
}

Structure& Structure::raw(std::span<const uint8_t> bytes) {
    area_.insert(area_.end(), bytes.begin(), bytes.end());
    return *this;
}

Structure& Structure::note(std::string_view string) {
    CHECK(strings_.size() < 255 && !string.empty(), "SMBIOS structure with too many strings or an empty one");
    strings_.emplace_back(string.substr(0, string.find('\0')));
    return *this;
}

Structure& Structure::text(std::string_view string) {
    if (string.empty()) return u8(0);
    note(string);
    return u8(static_cast<uint8_t>(strings_.size()));
}

std::vector<uint8_t> Structure::finish() const {
    CHECK(area_.size() < 256, "SMBIOS structure of %zu bytes", area_.size());
    std::vector<uint8_t> out = area_;
    out[1] = static_cast<uint8_t>(area_.size());
    for (const std::string& s : strings_) {
        out.insert(out.end(), s.begin(), s.end());
        out.push_back(0);
    }
    if (strings_.empty()) out.push_back(0);
    out.push_back(0);
    return out;
}

}  // namespace vmm::smbios
