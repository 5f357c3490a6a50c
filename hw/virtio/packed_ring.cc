// Packed rings; see packed_ring.h.
#include "hw/virtio/packed_ring.h"

#include <atomic>

namespace vmm::virtio {

namespace {

constexpr size_t kFlagsInDescriptor = 14;
// Event area: where in the ring (15 bits and the wrap counter), then flags.
constexpr size_t kEventWhere = 0, kEventFlags = 2;
using Offset = Bits<14, 0>;
using Wrap = Bits<15>;

}  // namespace

void PackedRing::replace_windows() {
    using enum DmaLookup::Direction;
    ring_.place(memory_, place_.descriptors, place_.size * sizeof(Descriptor), ToGuest);
    driver_event_.place(memory_, place_.driver, kEventBytes, FromGuest);
    device_event_.place(memory_, place_.device, kEventBytes, ToGuest);
}

void PackedRing::advance(Cursor& cursor, uint16_t by) const {
    const unsigned next = cursor.index + by;
    cursor.wrap ^= next >= place_.size;
    cursor.index = static_cast<uint16_t>(next >= place_.size ? next - place_.size : next);
}

void PackedRing::go_back(Cursor& cursor, uint16_t by) const {
    cursor.wrap ^= cursor.index < by;
    cursor.index =
        static_cast<uint16_t>(cursor.index < by ? cursor.index + place_.size - by : cursor.index - by);
}

std::optional<bool> PackedRing::ours(const Cursor& at, uint16_t& flags) {
    if (!ring_.load16(memory_, at.index * sizeof(Descriptor) + kFlagsInDescriptor, flags)) {
        (void)fail("the ring is not in shared RAM");
        return std::nullopt;
    }
    const bool avail = (flags & kDescAvail) != 0, used = (flags & kDescUsed) != 0;
    return avail == at.wrap && used != at.wrap;
}

std::optional<bool> PackedRing::available() {
    place_windows();
    uint16_t flags;
    return ours(avail_, flags);
}

Ring::Pop PackedRing::pop(Chain& chain) {
    place_windows();
    uint16_t flags;
    const std::optional<bool> got = ours(avail_, flags);
    if (!got) return Pop::Broken;
    if (!*got) return Pop::Empty;
    chain.start();
    if (!add_chain(chain, flags)) return Pop::Broken;
    advance(avail_, chain.descriptors);
    return Pop::Got;
}

bool PackedRing::add_chain(Chain& chain, uint16_t flags) {
    Cursor at = avail_;
    for (uint16_t count = 1; count <= place_.size; ++count) {
        // The flags were read first, and once.
        struct {
            Le64 address;
            Le32 size;
            Le16 id;
        } d;
        static_assert(sizeof d == kFlagsInDescriptor);
        if (!ring_.load(memory_, at.index * sizeof(Descriptor), writable_bytes_of(d)))
            return fail("the ring is not in shared RAM");
        chain.id = d.id;
        chain.descriptors = count;
        if ((flags & kDescIndirect) != 0) {
            if (count != 1 || (flags & kDescNext) != 0) return fail("an indirect descriptor within a chain");
            return add_indirect(chain, d.address, d.size, false);
        }
        if (!chain.add(d.address, d.size, (flags & kDescWrite) != 0))
            return fail("a buffer is out of order, too long, or wraps");
        if ((flags & kDescNext) == 0) return true;
        advance(at, 1);
        if (!ring_.load16(memory_, at.index * sizeof(Descriptor) + kFlagsInDescriptor, flags))
            return fail("the ring is not in shared RAM");
    }
    return fail("a chain is longer than the ring");
}

void PackedRing::unpop(const Chain& chain) {
    go_back(avail_, chain.descriptors);
}

bool PackedRing::push(const Chain& chain, uint32_t written) {
    place_windows();
    const size_t at = used_.index * sizeof(Descriptor);
    struct {
        Le32 size;
        Le16 id;
    } const element{written, chain.id};
    uint16_t flags = used_.wrap ? kDescAvail | kDescUsed : 0;
    if (written != 0) flags |= kDescWrite;
    if (!ring_.store(memory_, at + 8, bytes_of(element)) ||
        !ring_.store16(memory_, at + kFlagsInDescriptor, flags))
        return fail("the ring is not in shared RAM");
    advance(used_, chain.descriptors);
    pushed_ = static_cast<uint16_t>(pushed_ + chain.descriptors);
    unpublished_ = true;
    return true;
}

std::optional<bool> PackedRing::publish() {
    if (!unpublished_) return false;
    unpublished_ = false;
    place_windows();
    // The driver either sees the used descriptors or has said before that it wants to be told.
    std::atomic_thread_fence(std::memory_order_seq_cst);
    uint16_t flags, where = 0;
    const bool good = driver_event_.load16(memory_, kEventFlags, flags) &&
                      ((flags & 3) != kEventDescriptor || driver_event_.load16(memory_, kEventWhere, where));
    if (!good) {
        (void)fail("the driver's event area is not in shared RAM");
        return std::nullopt;
    }
    // Both indices as if the ring never wrapped: the driver's may lie a turn behind.
    const uint16_t now = used_.index,
                   before = static_cast<uint16_t>(now - std::exchange(pushed_, uint16_t{0}));
    if ((flags & 3) == kEventDisable) return false;
    if ((flags & 3) != kEventDescriptor || !has(kEventIdx)) return true;
    const bool same_turn = Wrap::test(where) == used_.wrap;
    const auto event = static_cast<uint16_t>(Offset::get(where) - (same_turn ? 0 : place_.size));
    return passes(event, now, before);
}

bool PackedRing::set_notify(bool on) {
    place_windows();
    bool good;
    if (!on) {
        good = device_event_.store16(memory_, kEventFlags, kEventDisable);
    } else if (has(kEventIdx)) {
        const auto where = static_cast<uint16_t>(Offset::of(avail_.index) | Wrap::of(avail_.wrap));
        good = device_event_.store16(memory_, kEventWhere, where) &&
               device_event_.store16(memory_, kEventFlags, kEventDescriptor);
    } else {
        good = device_event_.store16(memory_, kEventFlags, kEventEnable);
    }
    if (!good) return fail("the device's event area is not in shared RAM");
    std::atomic_thread_fence(std::memory_order_seq_cst);
    return true;
}

}  // namespace vmm::virtio
