#include "backends/block/qcow2/table_cache.h"

#include <algorithm>

#include "util/align.h"
#include "util/check.h"

namespace vmm::qcow2 {
namespace {
constexpr uint64_t kWriteUnit = 4096;
}

TableCache::TableCache(uint64_t piece_bytes, size_t most)
    : piece_bytes_(piece_bytes), most_(std::max<size_t>(most, 2)) {}

uint8_t* TableCache::find(uint64_t piece) {
    auto found = index_.find(piece);
    if (found == index_.end()) return nullptr;
    Slot& slot = slots_[found->second];
    slot.used = true;
    return slot.buffer.get();
}

TableCache::Buffer TableCache::spare() {
    if (!spares_.empty()) {
        Buffer buffer = std::move(spares_.back());
        spares_.pop_back();
        return buffer;
    }
    if (buffers_ < most_) {
        ++buffers_;
        return std::make_unique<uint8_t[]>(piece_bytes_);
    }
    // Twice round the clock: the first round takes the marks of use away.
    for (size_t step = 0; step < 2 * slots_.size(); ++step) {
        Slot& slot = slots_[hand_];
        hand_ = (hand_ + 1) % slots_.size();
        if (slot.dirty || slot.piece == kNone) continue;
        if (std::exchange(slot.used, false)) continue;
        index_.erase(slot.piece);
        slot.piece = kNone;
        return std::move(slot.buffer);
    }
    return nullptr;
}

uint8_t* TableCache::insert(uint64_t piece, Buffer buffer) {
    CHECK(!index_.contains(piece), "a table piece is cached twice");
    size_t at = 0;
    auto empty =
        std::find_if(slots_.begin(), slots_.end(), [](const Slot& slot) { return slot.piece == kNone; });
    if (slots_.size() < most_ || empty == slots_.end()) {
        at = slots_.size();
        slots_.emplace_back();
    } else {
        at = static_cast<size_t>(empty - slots_.begin());
    }
    Slot& slot = slots_[at];
    slot.piece = piece;
    slot.buffer = std::move(buffer);
    slot.used = true;
    index_.emplace(piece, at);
    return slot.buffer.get();
}

void TableCache::mark(uint64_t piece, uint64_t first, uint64_t last) {
    auto found = index_.find(piece);
    CHECK(found != index_.end(), "a table piece that is not cached was changed");
    Slot& slot = slots_[found->second];
    if (!slot.dirty) {
        slot.dirty = true;
        slot.first = first;
        slot.last = last;
        ++dirty_count_;
        return;
    }
    slot.first = std::min(slot.first, first);
    slot.last = std::max(slot.last, last);
}

void TableCache::clean(Slot& slot) {
    if (!std::exchange(slot.dirty, false)) return;
    --dirty_count_;
}

Status TableCache::write_back(HostFile& file) {
    if (dirty_count_ == 0) return {};
    std::vector<Slot*> order;
    for (Slot& slot : slots_)
        if (slot.dirty) order.push_back(&slot);
    std::sort(order.begin(), order.end(), [](const Slot* a, const Slot* b) { return a->piece < b->piece; });
    uint64_t unit = std::min(kWriteUnit, piece_bytes_);
    for (Slot* slot : order) {
        uint64_t first = align_down(slot->first, unit);
        uint64_t bytes = align_down(slot->last, unit) + unit - first;
        TRY(file.write(slot->piece + first, {slot->buffer.get() + first, bytes}));
        clean(*slot);
    }
    return {};
}

void TableCache::drop(uint64_t offset, uint64_t bytes) {
    for (uint64_t piece = piece_of(offset); piece < offset + bytes; piece += piece_bytes_) {
        auto found = index_.find(piece);
        if (found == index_.end()) continue;
        Slot& slot = slots_[found->second];
        clean(slot);
        spares_.push_back(std::move(slot.buffer));
        slot.piece = kNone;
        slot.used = false;
        index_.erase(found);
    }
}

}  // namespace vmm::qcow2
