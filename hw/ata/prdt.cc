// Reading and walking descriptor tables; see prdt.h.
#include "hw/ata/prdt.h"

#include <algorithm>

#include "system/memory/dma_space.h"
#include "util/endian.h"

namespace vmm::ata {

namespace {

struct Entry {
    Le64 address;
    Le32 reserved;
    Le32 count;  // bytes less one in 21:0
};
static_assert(sizeof(Entry) == 16);

}  // namespace

void PrdTable::clear() {
    parts_.clear();
    size_ = 0;
}

bool PrdTable::load(const DmaSpace& dma, Gpa at, unsigned entries) {
    constexpr unsigned kAtOnce = 64;
    clear();
    Entry chunk[kAtOnce];
    while (entries != 0 && size_ < kMostBytes) {
        const unsigned count = std::min(entries, kAtOnce);
        const std::span<Entry> some(chunk, count);
        if (!dma.read(at, {writable_bytes_of(chunk[0]).data(), some.size_bytes()})) return false;
        for (const Entry& entry : some) {
            const uint32_t length = (entry.count & 0x3fffff) + 1;
            parts_.push_back({Gpa(entry.address & ~uint64_t{1}), length, size_});
            size_ += length;
        }
        at = at + some.size_bytes();
        entries -= count;
    }
    return true;
}

template <typename Copy>
bool PrdTable::walk(uint64_t at, uint64_t length, Copy copy) const {
    if (at > size_ || length > size_ - at) return false;
    auto part = std::upper_bound(parts_.begin(), parts_.end(), at,
                                 [](uint64_t value, const Part& p) { return value < p.start; });
    for (uint64_t done = 0; done < length; ++part) {
        // The first one found is the one after; the next is where that one ends.
        const Part& here = *std::prev(part);
        const uint64_t skip = at + done - here.start;
        const uint64_t some = std::min(length - done, here.length - skip);
        const std::optional<GpaRange> range = GpaRange::make(here.address, here.length);
        if (!range || !copy(here.address + skip, done, some)) return false;
        done += some;
    }
    return true;
}

bool PrdTable::put(const DmaSpace& dma, uint64_t at, std::span<const uint8_t> from) const {
    return walk(at, from.size(), [&](Gpa address, uint64_t done, uint64_t length) {
        return dma.write(address, from.subspan(done, length));
    });
}

bool PrdTable::get(const DmaSpace& dma, uint64_t at, std::span<uint8_t> into) const {
    return walk(at, into.size(), [&](Gpa address, uint64_t done, uint64_t length) {
        return dma.read(address, into.subspan(done, length));
    });
}

}  // namespace vmm::ata
