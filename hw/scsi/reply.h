// Reply: the bytes of a SCSI parameter list while they are put together: big-endian numbers, padded text,
// lengths filled in afterwards. Header only.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "util/endian.h"

namespace vmm::scsi {

class Reply {
  public:
    Reply() = default;
    explicit Reply(std::vector<uint8_t> bytes) : bytes_(std::move(bytes)) {}

    size_t size() const { return bytes_.size(); }
    void u8(unsigned value) { bytes_.push_back(static_cast<uint8_t>(value)); }
    void u16(unsigned value) { number(static_cast<uint16_t>(value)); }
    void u32(uint64_t value) { number(static_cast<uint32_t>(value)); }
    void u64(uint64_t value) { number(value); }
    void bytes(const std::vector<uint8_t>& more) { bytes_.insert(bytes_.end(), more.begin(), more.end()); }
    // Up to `size` bytes in all, in zeros.
    void fill_to(size_t size) {
        if (size > bytes_.size()) bytes_.resize(size);
    }
    // ASCII, cut or padded with spaces.
    void text(std::string_view text, size_t width) {
        for (size_t i = 0; i < width; ++i)
            u8(i < text.size() ? static_cast<uint8_t>(text[i]) : ' ');
    }
    void text(std::string_view all) { text(all, all.size()); }
    void set8(size_t at, unsigned value) { bytes_[at] = static_cast<uint8_t>(value); }
    void set16(size_t at, size_t value) { store_be<uint16_t>(&bytes_[at], static_cast<uint16_t>(value)); }
    void set32(size_t at, size_t value) { store_be<uint32_t>(&bytes_[at], static_cast<uint32_t>(value)); }

    std::vector<uint8_t> take() && { return std::move(bytes_); }

  private:
    template <typename T>
    void number(T value) {
        bytes_.resize(bytes_.size() + sizeof value);
        store_be<T>(&bytes_[bytes_.size() - sizeof value], value);
    }
    std::vector<uint8_t> bytes_;
};

}  // namespace vmm::scsi
