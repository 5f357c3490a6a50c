// PageMap: one bit for each 4 KiB page of a 64-bit space - private or shared - kept so that a guest decides
// neither its size nor its speed: at most one bit a page that was ever different, whatever the pattern.
// Addresses are bytes. Not thread-safe; VisibilityMap and VmWideAttributes lock theirs.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>

#include "system/memory/visibility.h"
#include "util/align.h"

namespace vmm {

class PageMap {
  public:
    explicit PageMap(Visibility everywhere) : everywhere_(everywhere) {}

    Visibility at(uint64_t address) const;
    // Both ends inclusive, whole pages.
    void set(uint64_t first, uint64_t last, Visibility visibility);

    // Calls visit(first, last, visibility) for each maximal run, clipped to the range (which need not be
    // whole pages), in order, until visit returns false. True when all were visited.
    template <typename Visit>
    bool visit(uint64_t first, uint64_t last, Visit visit) const {
        const uint64_t last_page = last / kPageSize;
        for (uint64_t page = first / kPageSize; page <= last_page;) {
            const Visibility v = page_at(page);
            const uint64_t end = run_end(page, last_page, v);
            const uint64_t from = page * kPageSize, to = end * kPageSize + (kPageSize - 1);
            if (!visit(from < first ? first : from, to > last ? last : to, v)) return false;
            page = end + 1;
        }
        return true;
    }

  private:
    // 128 MiB of guest memory: 4 KiB of bits.
    static constexpr uint64_t kChunkPages = uint64_t{1} << 15;
    using Bits = std::array<uint64_t, kChunkPages / 64>;  // set: private
    struct Chunk {
        Visibility all;              // of every page, when there are no bits
        std::unique_ptr<Bits> bits;  // null: all alike
    };
    Visibility page_at(uint64_t page) const;
    // The last page of the run of `v` that starts at `page`, not beyond `last`.
    uint64_t run_end(uint64_t page, uint64_t last, Visibility v) const;
    void set_in_chunk(uint64_t index, uint64_t first, uint64_t last, Visibility v);
    static uint64_t first_unlike(const Bits& bits, uint64_t from, uint64_t to, Visibility v);

    Visibility everywhere_;
    std::map<uint64_t, Chunk> chunks_;  // by page number / kChunkPages; absent: everywhere_
};

}  // namespace vmm
