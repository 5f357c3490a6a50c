// The parts of copying; see copy.h.
#include "backends/block/jobs/copy.h"

#include <sys/mman.h>

#include <algorithm>
#include <bit>

#include "util/align.h"

namespace vmm::block {

Node* backing_of(const Node& node) {
    const Node* image = &node;
    while (image->child("backing") == nullptr && image->child("file") != nullptr)
        image = image->child("file");
    return image->child("backing");
}

Result<ChainExtent> chain_extent(Node& top, const Node* base, uint64_t offset, uint64_t bytes) {
    for (Node* node = &top;;) {
        // What is behind the end of an image hides what those below have there.
        if (offset >= node->size()) return ChainExtent{.own = true, .zero = true, .bytes = bytes};
        const Extent here = TRY(node->extent(offset, std::min(bytes, node->size() - offset)));
        bytes = std::min(bytes, here.bytes);
        if (here.kind != Extent::Kind::Unallocated)
            return ChainExtent{.own = true, .zero = here.kind == Extent::Kind::Zero, .bytes = bytes};
        node = backing_of(*node);
        if (node == nullptr) return ChainExtent{.own = true, .zero = true, .bytes = bytes};
        if (node == base) return ChainExtent{.own = false, .zero = false, .bytes = bytes};
    }
}

RangeLock::Held::Held(RangeLock& lock, uint64_t first, uint64_t bytes)
    : lock_(lock), first_(first), end_(first + bytes) {
    Locked guard(lock_.mutex_);
    auto taken = [this] {
        for (const Held* one = lock_.held_; one != nullptr; one = one->next_)
            if (one->first_ < end_ && first_ < one->end_) return true;
        return false;
    };
    while (taken())
        lock_.free_.wait(lock_.mutex_);
    next_ = lock_.held_;
    lock_.held_ = this;
}

RangeLock::Held::~Held() {
    Locked guard(lock_.mutex_);
    Held** link = &lock_.held_;
    while (*link != this)
        link = &(*link)->next_;
    *link = next_;
    lock_.free_.notify_all();
}

PieceMap::PieceMap(uint64_t size, uint64_t piece_bytes)
    : size_(size),
      piece_bytes_(piece_bytes),
      pieces_((size + piece_bytes - 1) / piece_bytes),
      words_((pieces_ + 63) / 64) {}

void PieceMap::set(uint64_t offset, uint64_t bytes) {
    if (bytes == 0 || offset >= size_) return;
    const uint64_t last = (std::min(offset + bytes, size_) - 1) / piece_bytes_;
    for (uint64_t piece = offset / piece_bytes_; piece <= last; ++piece) {
        const uint64_t bit = uint64_t{1} << (piece % 64);
        if ((words_[piece / 64].fetch_or(bit) & bit) == 0) count_.fetch_add(1);
    }
}

bool PieceMap::clear(uint64_t offset) {
    const uint64_t piece = offset / piece_bytes_, bit = uint64_t{1} << (piece % 64);
    if ((words_[piece / 64].fetch_and(~bit) & bit) == 0) return false;
    count_.fetch_sub(1);
    return true;
}

bool PieceMap::test(uint64_t offset) const {
    const uint64_t piece = offset / piece_bytes_;
    return (words_[piece / 64].load() >> (piece % 64) & 1) != 0;
}

bool PieceMap::all_set(uint64_t offset, uint64_t bytes) const {
    for (uint64_t at = align_down(offset, piece_bytes_); at < std::min(offset + bytes, size_);
         at += piece_bytes_)
        if (!test(at)) return false;
    return true;
}

uint64_t PieceMap::find(uint64_t first, uint64_t end) const {
    for (uint64_t piece = first; piece < end;) {
        const uint64_t word = words_[piece / 64].load() >> (piece % 64);
        if (word != 0) return std::min(piece + static_cast<uint64_t>(std::countr_zero(word)), end);
        piece = (piece / 64 + 1) * 64;
    }
    return end;
}

uint64_t PieceMap::next_set(uint64_t from) const {
    const uint64_t start = from / piece_bytes_;
    uint64_t found = find(start, pieces_);
    if (found == pieces_) {
        found = find(0, std::min(start, pieces_));
        if (found == std::min(start, pieces_)) return size_;
    }
    return found * piece_bytes_;
}

Result<std::unique_ptr<Copier>> Copier::create(Node& from, Node& to, Zeroes zeroes) {
    MappedRegion buffer = TRY(MappedRegion::map_aligned(kMostAtOnce, kPageSize, PROT_READ | PROT_WRITE,
                                                        MAP_PRIVATE | MAP_ANONYMOUS));
    return std::make_unique<Copier>(from, to, zeroes, std::move(buffer));
}

Status Copier::copy(uint64_t offset, uint64_t bytes, bool& read) {
    while (bytes > 0) {
        uint64_t now = std::min(bytes, kMostAtOnce);
        read = true;
        const ChainExtent here = TRY(chain_extent(from_, nullptr, offset, now));
        now = here.bytes;
        if (here.zero && zeroes_ == Zeroes::AsZeroes) {
            read = false;
            TRY(write_zeroes_sync(to_, offset, now, kMayUnmap));
        } else {
            TRY(read_sync(from_, offset, buffer_.bytes().first(now)));
            read = false;
            TRY(write_sync(to_, offset, buffer_.bytes().first(now)));
        }
        offset += now;
        bytes -= now;
    }
    return {};
}

}  // namespace vmm::block
