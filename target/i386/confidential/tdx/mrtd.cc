// The measurement of a TD's first pages; see mrtd.h.
#include "target/i386/confidential/tdx/mrtd.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

#include "util/align.h"
#include "util/check.h"
#include "util/endian.h"

namespace vmm::tdx {

namespace {

std::array<uint8_t, 128> operation(std::string_view name, uint64_t gpa) {
    std::array<uint8_t, 128> out{};
    std::memcpy(out.data(), name.data(), name.size());
    store_le<uint64_t>(&out[16], gpa);
    return out;
}

// One page of a section: its data, zeros behind it.
std::array<uint8_t, kPageSize> page_of(std::span<const uint8_t> data, uint64_t offset) {
    std::array<uint8_t, kPageSize> out{};
    if (offset < data.size()) {
        const auto part = data.subspan(offset, std::min<uint64_t>(kPageSize, data.size() - offset));
        std::copy(part.begin(), part.end(), out.begin());
    }
    return out;
}

}  // namespace

void Mrtd::add_page(uint64_t gpa) {
    sum_.update(operation("MEM.PAGE.ADD", gpa));
}

void Mrtd::extend(uint64_t gpa, std::span<const uint8_t, kExtendChunk> chunk) {
    sum_.update(operation("MR.EXTEND", gpa));
    sum_.update(chunk);
}

void Mrtd::extend_page(uint64_t gpa, std::span<const uint8_t> page) {
    CHECK(page.size() == kPageSize, "a page has %zu bytes", page.size());
    // One piece for the hash, which is slow at small ones.
    constexpr size_t kStep = 128 + kExtendChunk;
    std::array<uint8_t, kPageSize / kExtendChunk * kStep> block;
    for (size_t at = 0, to = 0; at < kPageSize; at += kExtendChunk, to += kStep) {
        const auto head = operation("MR.EXTEND", gpa + at);
        std::memcpy(&block[to], head.data(), head.size());
        std::memcpy(&block[to + head.size()], &page[at], kExtendChunk);
    }
    sum_.update(block);
}

Sha384Digest Mrtd::value() const {
    Hasher copy = sum_;
    Sha384Digest out;
    copy.finish(out);
    return out;
}

Sha384Digest mrtd_of(std::span<const uint8_t> image, const Tdvf& firmware, MrtdOrder order,
                     PageAug page_aug) {
    Mrtd mrtd;
    for (const TdvfSection& s : firmware.sections) {
        if (s.page_aug() && page_aug == PageAug::Accepted) continue;
        const std::span<const uint8_t> data = s.data(image);
        for (uint64_t at = 0; at < s.size; at += kPageSize) {
            mrtd.add_page(s.gpa + at);
            if (s.extend() && order == MrtdOrder::Interleaved)
                mrtd.extend_page(s.gpa + at, page_of(data, at));
        }
        if (!s.extend() || order == MrtdOrder::Interleaved) continue;
        for (uint64_t at = 0; at < s.size; at += kPageSize)
            mrtd.extend_page(s.gpa + at, page_of(data, at));
    }
    return mrtd.value();
}

}  // namespace vmm::tdx
