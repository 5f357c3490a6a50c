// A sparse bitmap of pages; see page_map.h.
#include "system/memory/page_map.h"

#include <algorithm>
#include <bit>

#include "util/check.h"

namespace vmm {

namespace {

constexpr uint64_t fill_of(Visibility v) {
    return v == Visibility::Private ? ~uint64_t{0} : 0;
}
// Bits `from` to 63, and 0 to `to`.
constexpr uint64_t bits_from(uint64_t from) {
    return ~uint64_t{0} << from;
}
constexpr uint64_t bits_up_to(uint64_t to) {
    return ~uint64_t{0} >> (63 - to);
}

}  // namespace

Visibility PageMap::at(uint64_t address) const {
    return page_at(address / kPageSize);
}

Visibility PageMap::page_at(uint64_t page) const {
    auto chunk = chunks_.find(page / kChunkPages);
    if (chunk == chunks_.end()) return everywhere_;
    if (chunk->second.bits == nullptr) return chunk->second.all;
    const uint64_t in_chunk = page % kChunkPages;
    const uint64_t word = (*chunk->second.bits)[in_chunk / 64];
    return ((word >> (in_chunk % 64)) & 1) != 0 ? Visibility::Private : Visibility::Shared;
}

// Of the pages up to `to`, and a few beyond; kChunkPages when there is none.
uint64_t PageMap::first_unlike(const Bits& bits, uint64_t from, uint64_t to, Visibility v) {
    uint64_t word = from / 64;
    uint64_t unlike = (bits[word] ^ fill_of(v)) & bits_from(from % 64);
    while (unlike == 0) {
        if (++word > to / 64) return kChunkPages;
        unlike = bits[word] ^ fill_of(v);
    }
    return word * 64 + static_cast<uint64_t>(std::countr_zero(unlike));
}

uint64_t PageMap::run_end(uint64_t page, uint64_t last, Visibility v) const {
    uint64_t at = page;
    for (auto chunk = chunks_.lower_bound(page / kChunkPages); chunk != chunks_.end(); ++chunk) {
        const uint64_t start = chunk->first * kChunkPages;
        if (start > last) break;
        if (start > at) {  // what lies before this chunk
            if (everywhere_ != v) return at - 1;
            at = start;
        }
        if (chunk->second.bits == nullptr) {
            if (chunk->second.all != v) return at - 1;
        } else {
            uint64_t unlike =
                first_unlike(*chunk->second.bits, at - start, std::min(last - start, kChunkPages - 1), v);
            if (unlike != kChunkPages) return std::min(last, start + unlike - 1);
        }
        at = start + kChunkPages;
        if (at > last) return last;
    }
    return everywhere_ == v ? last : at - 1;
}

void PageMap::set(uint64_t first, uint64_t last, Visibility visibility) {
    CHECK(is_aligned(first, kPageSize) && is_aligned(last + 1, kPageSize) && first < last,
          "visibility of half a page");
    const uint64_t first_page = first / kPageSize, last_page = last / kPageSize;
    for (uint64_t index = first_page / kChunkPages; index <= last_page / kChunkPages; ++index) {
        const uint64_t start = index * kChunkPages;
        set_in_chunk(index, std::max(first_page, start) - start,
                     std::min(last_page, start + kChunkPages - 1) - start, visibility);
    }
}

void PageMap::set_in_chunk(uint64_t index, uint64_t first, uint64_t last, Visibility v) {
    if (first == 0 && last == kChunkPages - 1) {
        if (v == everywhere_)
            chunks_.erase(index);
        else
            chunks_.insert_or_assign(index, Chunk{v, nullptr});
        return;
    }
    Chunk& chunk = chunks_.try_emplace(index, Chunk{everywhere_, nullptr}).first->second;
    if (chunk.bits == nullptr) {
        if (chunk.all == v) return;
        chunk.bits = std::make_unique<Bits>();
        chunk.bits->fill(fill_of(chunk.all));
    }
    for (uint64_t word = first / 64; word <= last / 64; ++word) {
        uint64_t mask = ~uint64_t{0};
        if (word == first / 64) mask &= bits_from(first % 64);
        if (word == last / 64) mask &= bits_up_to(last % 64);
        uint64_t& bits = (*chunk.bits)[word];
        bits = (bits & ~mask) | (fill_of(v) & mask);
    }
}

}  // namespace vmm
