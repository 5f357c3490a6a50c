// Guest RAM for boot tests: a sparse map of pages; writes outside RAM are refused.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <vector>

#include "hw/i386/guest_writer.h"
#include "util/align.h"
#include "util/endian.h"

namespace vmm {

class FakeGuest final : public GuestWriter {
  public:
    FakeGuest(uint64_t below, uint64_t above) : below_(below), above_(above) {}

    Status write(uint64_t gpa, std::span<const uint8_t> bytes) override {
        if (!in_ram(gpa, bytes.size()))
            return Error::make("0x%llx is not RAM", static_cast<unsigned long long>(gpa));
        for (size_t i = 0; i < bytes.size(); ++i)
            at(gpa + i) = bytes[i];
        return {};
    }
    Status clear(uint64_t gpa, uint64_t size) override {
        if (!in_ram(gpa, size)) return Error::make("0x%llx is not RAM", static_cast<unsigned long long>(gpa));
        cleared_.push_back({gpa, size});
        return {};
    }
    std::vector<uint8_t> read(uint64_t gpa, size_t size) {
        std::vector<uint8_t> out(size);
        for (size_t i = 0; i < size; ++i)
            out[i] = at(gpa + i);
        return out;
    }
    template <typename T>
    T number(uint64_t gpa) {
        const std::vector<uint8_t> bytes = read(gpa, sizeof(T));
        return load_le<T>(bytes.data());
    }
    const std::vector<std::pair<uint64_t, uint64_t>>& cleared() const { return cleared_; }

  private:
    bool in_ram(uint64_t gpa, uint64_t size) const {
        return gpa + size <= below_ || (gpa >= 4 * kGiB && gpa + size <= 4 * kGiB + above_);
    }
    uint8_t& at(uint64_t gpa) {
        std::vector<uint8_t>& page = pages_[gpa / kPageSize];
        if (page.empty()) page.resize(kPageSize);
        return page[gpa % kPageSize];
    }
    uint64_t below_, above_;
    std::map<uint64_t, std::vector<uint8_t>> pages_;
    std::vector<std::pair<uint64_t, uint64_t>> cleared_;
};

}  // namespace vmm
