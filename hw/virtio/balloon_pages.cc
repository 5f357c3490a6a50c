// Pages that a guest gives back; see balloon_pages.h.
#include "hw/virtio/balloon_pages.h"

#include <algorithm>

#include "system/memory/conversion.h"
#include "system/memory/ram_block.h"
#include "util/log.h"

namespace vmm::virtio {

BalloonPages::Place BalloonPages::find(Gpa address) const {
    const FlatViewPtr view = memory_.view();
    const FlatSection* s = view->find(address);
    if (s == nullptr || s->ram == nullptr || s->io != nullptr || s->readonly) return {};
    return {s->ram, s->ram_offset + (address - s->range.first()), s->range.last() - address + 1};
}

bool BalloonPages::give(Gpa page) {
    const Place place = find(page);
    if (place.block == nullptr || place.bytes < kPage) return false;
    RamBlock& block = *place.block;
    const uint64_t host_page = block.page_size();
    if (host_page == kPage) {
        add(block, place.offset, kPage);
        return true;
    }
    const uint64_t base = align_down(place.offset.raw(), host_page);
    if (partial_block_ != &block || partial_ != base) {
        partial_block_ = &block;
        partial_ = base;
        parts_.assign(host_page / kPage, false);
        given_ = 0;
    }
    auto part = parts_[(place.offset.raw() - base) / kPage];
    if (part) return true;
    part = true;
    if (++given_ == parts_.size()) {
        add(block, RamOffset(base), host_page);
        forget();
    }
    return true;
}

bool BalloonPages::give_free(Gpa first, uint64_t bytes) {
    while (bytes != 0) {
        const Place place = find(first);
        if (place.block == nullptr) return false;
        const uint64_t size = std::min(bytes, place.bytes);
        const uint64_t host_page = place.block->page_size();
        const uint64_t from = align_up(place.offset.raw(), host_page);
        const uint64_t to = align_down(place.offset.raw() + size, host_page);
        if (from < to) add(*place.block, RamOffset(from), to - from);
        first = first + size;
        bytes -= size;
    }
    return true;
}

void BalloonPages::add(RamBlock& block, RamOffset first, uint64_t bytes) {
    if (block_ == &block && end_ == first.raw()) {
        end_ += bytes;
        return;
    }
    if (block_ == &block && first_ == first.raw() + bytes) {
        first_ -= bytes;
        return;
    }
    flush();
    block_ = &block;
    first_ = first.raw();
    end_ = first_ + bytes;
}

void BalloonPages::flush() {
    if (block_ == nullptr) return;
    free_pages(*block_, RamRange::of(RamOffset(first_), end_ - first_));
    block_ = nullptr;
}

void BalloonPages::forget() {
    partial_block_ = nullptr;
    given_ = 0;
}

void BalloonPages::free_pages(RamBlock& block, RamRange range) {
    if (pinned_) return;
    Status freed = engine_ != nullptr ? engine_->discard(block, range) : block.discard_shared(range);
    // The guest has lost nothing: it gave the pages up, and finds zeroes or what was there when it comes
    // back.
    if (!freed) log_warning("virtio-balloon: %s", freed.error().text().c_str());
}

}  // namespace vmm::virtio
