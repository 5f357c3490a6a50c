// PageMap: one bit for each 4 KiB page of a 64-bit space - private or shared - kept so that a guest decides
// neither its size nor its speed: at most one bit a page of the 128 MiB around what was ever different,
// whatever the pattern. Addresses are bytes. For VisibilityMap and VmWideAttributes.
//
// Thread-safe without a lock: single pages are always whole, and a thread that reads after it announced
// itself by a sequentially consistent write (RamBlock::enter_use) sees every set() that did not see it. Those
// who set overlapping ranges keep apart; who reads a range while it is set may see a part of it changed.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "system/memory/visibility.h"
#include "util/align.h"
#include "util/check.h"
#include "util/mutex.h"

namespace vmm {

class PageMap {
  public:
    explicit PageMap(Visibility everywhere) : everywhere_(everywhere) {}
    PageMap(const PageMap&) = delete;
    PageMap& operator=(const PageMap&) = delete;

    Visibility at(uint64_t address) const {
        return is_all(address, address, Visibility::Private) ? Visibility::Private : Visibility::Shared;
    }
    // Both ends inclusive; the range need not be whole pages.
    [[gnu::hot]] bool is_all(uint64_t first, uint64_t last, Visibility visibility) const {
        const uint64_t page = first / kPageSize, end = last / kPageSize;
        if (const Spot here = spot(first, last)) return here.is_all(visibility);
        return is_all_words(page, end, visibility);
    }
    // Both ends inclusive, whole pages.
    [[gnu::hot]] void set(uint64_t first, uint64_t last, Visibility visibility) {
        CHECK(is_aligned(first, kPageSize) && is_aligned(last + 1, kPageSize) && first < last,
              "visibility of half a page");
        const uint64_t page = first / kPageSize, end = last / kPageSize;
        if (const Spot here = spot(first, last)) return here.set(visibility);
        set_pages(page, end, visibility);
    }
    // A range of whole pages whose bits are in one word that there is: looked up once, for asking and
    // setting. Valid as long as the map.
    class Spot {
      public:
        Spot() = default;
        // False where the range's bits are not in one word, or nothing near it was ever different.
        explicit operator bool() const { return word_ != nullptr; }
        bool is_all(Visibility visibility) const {
            return ((word_->load() ^ fill_of(visibility)) & mask_) == 0;
        }
        void set(Visibility visibility) const { change(*word_, mask_, visibility); }

      private:
        friend class PageMap;
        Spot(std::atomic<uint64_t>& word, uint64_t mask) : word_(&word), mask_(mask) {}
        std::atomic<uint64_t>* word_ = nullptr;
        uint64_t mask_ = 0;
    };
    // Both ends inclusive.
    [[gnu::always_inline]] Spot spot(uint64_t first, uint64_t last) const {
        const uint64_t page = first / kPageSize, end = last / kPageSize;
        Chunk* chunk = page / kWordPages == end / kWordPages ? find(page / kChunkPages) : nullptr;
        if (chunk == nullptr) return {};
        return {word_of(*chunk, page), bits_from(page) & bits_up_to(end)};
    }
    // Everything as at first. Nobody sets meanwhile.
    void clear();

    // Calls visit(first, last, visibility) for each maximal run, clipped to the range (which need not be
    // whole pages), in order, until visit returns false. True when all were visited.
    template <typename Visit>
    bool visit(uint64_t first, uint64_t last, Visit visit) const {
        const uint64_t last_page = last / kPageSize;
        for (uint64_t page = first / kPageSize; page <= last_page;) {
            const Visibility v = at(page * kPageSize);
            const uint64_t end = run_end(page, last_page, v);
            const uint64_t from = page * kPageSize, to = end * kPageSize + (kPageSize - 1);
            if (!visit(from < first ? first : from, to > last ? last : to, v)) return false;
            page = end + 1;
        }
        return true;
    }

  private:
    using Word = std::atomic<uint64_t>;
    static constexpr uint64_t kWordPages = 64;
    // 128 MiB of guest memory: 4 KiB of bits.
    static constexpr uint64_t kChunkPages = uint64_t{1} << 15;
    struct Chunk {
        std::array<Word, kChunkPages / kWordPages> words;  // set: private
    };
    // A tree over chunk numbers, as high as the highest number needs; it only grows.
    static constexpr unsigned kFanOutBits = 8;
    static constexpr uint64_t kFanOut = uint64_t{1} << kFanOutBits;
    struct Node {
        explicit Node(unsigned bits) : shift(bits) {}
        std::atomic<void*>& child(uint64_t index) { return children[(index >> shift) % kFanOut]; }
        bool covers(uint64_t index) const { return index >> shift < kFanOut; }
        const unsigned shift;  // a child is 2^shift chunks
        // Nodes, or with shift 0 chunks. Null: all as everywhere_.
        std::array<std::atomic<void*>, kFanOut> children{};
    };

    static constexpr uint64_t fill_of(Visibility v) { return v == Visibility::Private ? ~uint64_t{0} : 0; }
    // The bits of a word from that of a page on, and up to it.
    static constexpr uint64_t bits_from(uint64_t page) { return ~uint64_t{0} << page % kWordPages; }
    static constexpr uint64_t bits_up_to(uint64_t page) {
        return ~uint64_t{0} >> (kWordPages - 1 - page % kWordPages);
    }
    static Word& word_of(Chunk& chunk, uint64_t page) { return chunk.words[page % kChunkPages / kWordPages]; }
    static void change(Word& word, uint64_t mask, Visibility to) {
        if (to == Visibility::Private)
            word.fetch_or(mask);
        else
            word.fetch_and(~mask);
    }
    // Null: all of it as everywhere_.
    Chunk* find(uint64_t index) const {
        Node* node = root_.load();
        if (node == nullptr || !node->covers(index)) return nullptr;
        while (true) {
            void* child = node->child(index).load();
            if (child == nullptr || node->shift == 0) return static_cast<Chunk*>(child);
            node = static_cast<Node*>(child);
        }
    }
    bool is_all_words(uint64_t page, uint64_t end, Visibility v) const;
    // The last page of the run of `v` that starts at `page`, not beyond `last`.
    uint64_t run_end(uint64_t page, uint64_t last, Visibility v) const;
    // The first chunk there is from `index` to `last`, or null; `index` becomes its number.
    Chunk* next(uint64_t& index, uint64_t last) const;
    void set_pages(uint64_t first, uint64_t last, Visibility visibility);
    Chunk& make(uint64_t index);

    const Visibility everywhere_;
    std::atomic<Node*> root_{nullptr};
    Mutex growing_{LockRank::Leaf, "page map"};
    std::vector<std::unique_ptr<Node>> nodes_ GUARDED_BY(growing_);
    std::vector<std::unique_ptr<Chunk>> chunks_ GUARDED_BY(growing_);
};

}  // namespace vmm
