// What both ring formats share; see ring.h.
#include "hw/virtio/ring.h"

#include <atomic>
#include <cstdarg>

#include "util/text.h"

namespace vmm::virtio {

void RingWindow::place(DmaLookup& memory, uint64_t at, size_t size, Direction direction) {
    at_ = Gpa(at);
    const DmaLookup::Piece piece = memory.direct(at_, size, direction);
    host_ = piece.size == size && is_aligned(std::bit_cast<uintptr_t>(piece.host), 2) ? piece.host : nullptr;
}

bool RingWindow::load16_copied(DmaLookup& memory, size_t offset, uint16_t& value) const {
    Le16 read;
    if (!memory.read(at_ + offset, writable_bytes_of(read))) return false;
    std::atomic_thread_fence(std::memory_order_acquire);
    value = read;
    return true;
}

bool RingWindow::store16_copied(DmaLookup& memory, size_t offset, uint16_t value) const {
    std::atomic_thread_fence(std::memory_order_release);
    return memory.write(at_ + offset, bytes_of(Le16(value)));
}

bool Ring::fail(const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    error_ = vstrf(format, arguments);
    va_end(arguments);
    return false;
}

bool Ring::add_indirect(Chain& chain, uint64_t table, uint32_t bytes, bool linked) {
    if (!has(kIndirect)) return fail("an indirect descriptor was not agreed upon");
    const uint32_t count = bytes / sizeof(Descriptor);
    if (count == 0 || bytes % sizeof(Descriptor) != 0) return fail("an indirect table of %u bytes", bytes);
    if (!GpaRange::make(Gpa(table), bytes)) return fail("an indirect table wraps");
    // What lies beyond the bound is never looked at: a chain that goes there fails for its length.
    const uint32_t reachable = std::min<uint32_t>(count, kMaxSegments + 1);
    RingWindow window;
    window.place(memory_, table, reachable * sizeof(Descriptor), RingWindow::Direction::FromGuest);
    if (linked) return add_linked(chain, window, reachable);
    for (uint32_t i = 0; i < reachable; ++i) {
        Descriptor d;
        if (!window.load(memory_, i * sizeof d, writable_bytes_of(d)))
            return fail("an indirect table is not in shared RAM");
        if ((d.fourth & kDescIndirect) != 0) return fail("an indirect descriptor within an indirect table");
        if (!chain.add(d.address, d.size, (d.fourth & kDescWrite) != 0))
            return fail("a buffer is out of order, too long, or wraps");
    }
    return true;
}

bool Ring::add_linked(Chain& chain, const RingWindow& window, uint32_t count) {
    uint32_t index = 0;
    for (uint32_t visited = 0; visited < count; ++visited) {
        Descriptor d;
        if (!window.load(memory_, index * sizeof d, writable_bytes_of(d)))
            return fail("an indirect table is not in shared RAM");
        const uint16_t flags = d.third;
        if ((flags & kDescIndirect) != 0) return fail("an indirect descriptor within an indirect table");
        if (!chain.add(d.address, d.size, (flags & kDescWrite) != 0))
            return fail("a buffer is out of order, too long, or wraps");
        if ((flags & kDescNext) == 0) return true;
        index = d.fourth;
        if (index >= count) return fail("descriptor %u follows in an indirect table of %u", index, count);
    }
    return fail("the descriptors of an indirect table form a loop");
}

}  // namespace vmm::virtio
