// A sparse bitmap of pages; see page_map.h.
#include "system/memory/page_map.h"

#include <algorithm>
#include <bit>

namespace vmm {

PageMap::Chunk* PageMap::next(uint64_t& index, uint64_t last) const {
    Node* const root = root_.load();
    while (root != nullptr && index <= last && root->covers(index)) {
        Node* node = root;
        while (true) {
            void* child = node->child(index).load();
            if (child == nullptr) break;
            if (node->shift == 0) return static_cast<Chunk*>(child);
            node = static_cast<Node*>(child);
        }
        index = ((index >> node->shift) + 1) << node->shift;
    }
    return nullptr;
}

uint64_t PageMap::run_end(uint64_t page, uint64_t last, Visibility v) const {
    uint64_t at = page;  // up to here all is `v`
    while (at <= last) {
        uint64_t index = at / kChunkPages;
        Chunk* chunk = next(index, last / kChunkPages);
        const uint64_t start = index * kChunkPages;
        if (chunk == nullptr) return everywhere_ == v ? last : std::max(at, page + 1) - 1;
        if (start > at && everywhere_ != v) return std::max(at, page + 1) - 1;
        at = std::max(at, start);
        const uint64_t end = std::min(last, start + (kChunkPages - 1));
        for (uint64_t mask = bits_from(at); at <= end; mask = ~uint64_t{0}) {
            const uint64_t unlike = (word_of(*chunk, at).load() ^ fill_of(v)) & mask;
            at = align_down(at, kWordPages);
            if (unlike != 0) {
                at += static_cast<uint64_t>(std::countr_zero(unlike));
                return std::min(last, std::max(at, page + 1) - 1);
            }
            at += kWordPages;
        }
    }
    return last;
}

bool PageMap::is_all_words(uint64_t page, uint64_t end, Visibility v) const {
    const Spot start = spot(page * kPageSize, page * kPageSize);
    return (start ? start.is_all(v) : everywhere_ == v) && run_end(page, end, v) == end;
}

void PageMap::set_pages(uint64_t first, uint64_t last, Visibility v) {
    for (uint64_t page = first; page <= last;) {
        uint64_t index = page / kChunkPages;
        if (v == everywhere_) {
            if (next(index, last / kChunkPages) == nullptr) return;
            page = std::max(page, index * kChunkPages);
        }
        Chunk& chunk = make(index);
        for (const uint64_t end = std::min(last, (index + 1) * kChunkPages - 1); page <= end;) {
            const uint64_t in_word = std::min(end, align_down(page, kWordPages) + (kWordPages - 1));
            change(word_of(chunk, page), bits_from(page) & bits_up_to(in_word), v);
            page = in_word + 1;
        }
    }
}

// Under the lock, and each made whole before it can be seen.
PageMap::Chunk& PageMap::make(uint64_t index) {
    if (Chunk* there = find(index)) return *there;
    Locked lock(growing_);
    Node* node = root_.load();
    while (node == nullptr || !node->covers(index)) {
        Node& above =
            *nodes_.emplace_back(std::make_unique<Node>(node != nullptr ? node->shift + kFanOutBits : 0));
        above.children[0] = node;
        root_ = node = &above;
    }
    for (; node->shift != 0; node = static_cast<Node*>(node->child(index).load()))
        if (node->child(index).load() == nullptr)
            node->child(index) = nodes_.emplace_back(std::make_unique<Node>(node->shift - kFanOutBits)).get();
    if (void* there = node->child(index).load()) return *static_cast<Chunk*>(there);
    Chunk& chunk = *chunks_.emplace_back(std::make_unique<Chunk>());
    for (Word& word : chunk.words)
        word = fill_of(everywhere_);
    node->child(index) = &chunk;
    return chunk;
}

void PageMap::clear() {
    Locked lock(growing_);
    for (const std::unique_ptr<Chunk>& chunk : chunks_)
        for (Word& word : chunk->words)
            word = fill_of(everywhere_);
}

}  // namespace vmm
