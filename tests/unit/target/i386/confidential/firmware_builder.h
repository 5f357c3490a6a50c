// Makes firmware images with the table at their end, good and bad ones, for tests. Header only.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "target/i386/confidential/firmware_table.h"
#include "util/endian.h"

namespace vmm {

class FirmwareBuilder {
  public:
    explicit FirmwareBuilder(size_t size = 0x10000) : image_(size) {}

    static std::vector<uint8_t> words(std::initializer_list<uint32_t> values) {
        std::vector<uint8_t> out;
        for (const uint32_t value : values) {
            const Le32 le(value);
            const auto raw = bytes_of(le);
            out.insert(out.end(), raw.begin(), raw.end());
        }
        return out;
    }
    // The first added lies last, next to the table's own entry. length: as written; 0: the right one.
    FirmwareBuilder& entry(std::string_view guid, const std::vector<uint8_t>& data, uint16_t length = 0) {
        std::vector<uint8_t> whole = data;
        put_tail(whole, guid, length != 0 ? length : static_cast<uint16_t>(data.size() + 18));
        table_.insert(table_.begin(), whole.begin(), whole.end());
        return *this;
    }
    // At this distance from the end of the image.
    FirmwareBuilder& put(size_t from_end, const std::vector<uint8_t>& bytes) {
        std::copy(bytes.begin(), bytes.end(), image_.end() - static_cast<ptrdiff_t>(from_end));
        return *this;
    }
    // length: of the whole table, as written; 0: the right one.
    std::vector<uint8_t> build(uint16_t length = 0) {
        std::vector<uint8_t> whole = table_;
        const auto right = static_cast<uint16_t>(table_.size() + 18);
        put_tail(whole, "96b582de-1fb2-45f7-baea-a366c55a082d", length != 0 ? length : right);
        std::vector<uint8_t> image = image_;
        std::copy(whole.begin(), whole.end(), image.end() - 0x20 - static_cast<ptrdiff_t>(whole.size()));
        return image;
    }

  private:
    static void put_tail(std::vector<uint8_t>& out, std::string_view guid, uint16_t length) {
        out.push_back(static_cast<uint8_t>(length));
        out.push_back(static_cast<uint8_t>(length >> 8));
        const auto bytes = Uuid::parse(guid).take_value().mixed_endian();
        out.insert(out.end(), bytes.begin(), bytes.end());
    }
    std::vector<uint8_t> image_, table_;
};

}  // namespace vmm
