// Split rings; see split_ring.h.
#include "hw/virtio/split_ring.h"

#include <atomic>

namespace vmm::virtio {

namespace {

// Both rings: flags, index, entries; then one event index.
constexpr size_t kFlags = 0, kIndex = 2, kEntries = 4;
struct UsedElement {
    Le32 id;
    Le32 written;
};

}  // namespace

// Where the driver says whether it wants to be told.
size_t SplitRing::wish_at() const {
    return has(kEventIdx) ? kEntries + 2u * place_.size : kFlags;
}

void SplitRing::replace_windows() {
    using enum DmaLookup::Direction;
    const bool event = has(kEventIdx);
    table_.place(memory_, place_.descriptors, place_.size * sizeof(Descriptor), FromGuest);
    avail_.place(memory_, place_.driver, driver_bytes(place_.size, event), FromGuest);
    used_.place(memory_, place_.device, device_bytes(place_.size, event), ToGuest);
}

bool SplitRing::refresh_available() {
    uint16_t index;
    if (!avail_.load16(memory_, kIndex, index)) return fail("the available ring is not in shared RAM");
    if (static_cast<uint16_t>(index - next_avail_) > place_.size)
        return fail("the available index went from %u to %u", next_avail_, index);
    if (index != next_avail_) {
        avail_.expect_load(kEntries + 2u * slot(next_avail_));
        avail_.expect_load(wish_at());
    }
    seen_avail_ = index;
    return true;
}

std::optional<bool> SplitRing::available() {
    if (seen_avail_ != next_avail_) return true;
    place_windows();
    if (!refresh_available()) return std::nullopt;
    return seen_avail_ != next_avail_;
}

Ring::Pop SplitRing::pop(Chain& chain) {
    place_windows();
    if (seen_avail_ == next_avail_) {
        if (!refresh_available()) return Pop::Broken;
        if (seen_avail_ == next_avail_) return Pop::Empty;
    }
    uint16_t head;
    if (!avail_.load16(memory_, kEntries + 2u * slot(next_avail_), head)) {
        (void)fail("the available ring is not in shared RAM");
        return Pop::Broken;
    }
    chain.start();
    if (!add_chain(chain, head)) return Pop::Broken;
    chain.id = head;
    ++next_avail_;
    ++in_use_;
    used_.expect_store(kEntries + sizeof(UsedElement) * slot(next_used_));
    return Pop::Got;
}

bool SplitRing::add_chain(Chain& chain, uint16_t head) {
    uint16_t index = head;
    for (unsigned visited = 0; visited < place_.size; ++visited) {
        if (index >= place_.size) return fail("descriptor %u of a ring of %u", index, place_.size);
        Descriptor d;
        if (!table_.load(memory_, index * sizeof d, writable_bytes_of(d)))
            return fail("the descriptor table is not in shared RAM");
        const uint16_t flags = d.third;
        if ((flags & kDescIndirect) != 0) {
            if ((flags & kDescNext) != 0) return fail("an indirect descriptor with a next one");
            return add_indirect(chain, d.address, d.size, true);
        }
        if (!chain.add(d.address, d.size, (flags & kDescWrite) != 0))
            return fail("a buffer is out of order, too long, or wraps");
        if ((flags & kDescNext) == 0) return true;
        index = d.fourth;
    }
    return fail("the descriptors form a loop");
}

void SplitRing::unpop(const Chain&) {
    --next_avail_;
    --in_use_;
}

bool SplitRing::push(const Chain& chain, uint32_t written) {
    place_windows();
    const UsedElement element{chain.id, written};
    if (!used_.store(memory_, kEntries + sizeof element * slot(next_used_), bytes_of(element)))
        return fail("the used ring is not in shared RAM");
    ++next_used_;
    --in_use_;
    return true;
}

std::optional<bool> SplitRing::publish() {
    if (next_used_ == published_) return false;
    place_windows();
    if (!used_.store16(memory_, kIndex, next_used_)) {
        (void)fail("the used ring is not in shared RAM");
        return std::nullopt;
    }
    // A signalled index that the used index overtook by a whole turn says nothing any more.
    if (static_cast<uint16_t>(next_used_ - signalled_) < static_cast<uint16_t>(next_used_ - published_))
        signalled_valid_ = false;
    published_ = next_used_;
    // The driver either sees the new index or has said before that it wants to be told.
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (has(kNotifyOnEmpty) && in_use_ == 0) {
        const std::optional<bool> more = available();
        if (!more) return std::nullopt;
        if (!*more) return true;
    }
    uint16_t wish;
    if (!avail_.load16(memory_, wish_at(), wish)) {
        (void)fail("the available ring is not in shared RAM");
        return std::nullopt;
    }
    if (!has(kEventIdx)) return (wish & kAvailNoInterrupt) == 0;
    const bool due = !signalled_valid_ || passes(wish, next_used_, signalled_);
    signalled_ = next_used_;
    signalled_valid_ = true;
    return due;
}

bool SplitRing::set_notify(bool on) {
    // An event index that the driver is past already asks for nothing; there is no need to write one.
    if (has(kEventIdx) && !on) return true;
    place_windows();
    bool good = true;
    if (has(kEventIdx)) {
        good = used_.store16(memory_, kEntries + sizeof(UsedElement) * place_.size, seen_avail_);
    } else {
        good = used_.store16(memory_, kFlags, on ? 0 : kUsedNoNotify);
    }
    if (!good) return fail("the used ring is not in shared RAM");
    std::atomic_thread_fence(std::memory_order_seq_cst);
    return true;
}

}  // namespace vmm::virtio
