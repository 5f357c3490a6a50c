// Buffers of virtio queues; see chain.h.
#include "hw/virtio/chain.h"

#include <algorithm>

namespace vmm::virtio {

namespace {

// Calls part(address, count) for the pieces of [offset, offset + size) until it returns false.
template <typename Part>
bool walk(Segments segments, uint64_t offset, uint64_t size, Part part) {
    for (const Segment& segment : segments) {
        if (size == 0) break;
        if (offset >= segment.size) {
            offset -= segment.size;
            continue;
        }
        const uint64_t count = std::min<uint64_t>(segment.size - offset, size);
        if (!part(segment.address + offset, static_cast<size_t>(count))) return false;
        size -= count;
        offset = 0;
    }
    return true;
}

}  // namespace

std::optional<size_t> copy_from_pieces(DmaLookup& memory, Segments segments, uint64_t offset,
                                       std::span<uint8_t> into) {
    size_t done = 0;
    const bool good = walk(segments, offset, into.size(), [&](Gpa address, size_t count) {
        const size_t at = done;
        done += count;
        return memory.read(address, into.subspan(at, count));
    });
    if (!good) return std::nullopt;
    return done;
}

std::optional<size_t> copy_to(DmaLookup& memory, Segments segments, uint64_t offset,
                              std::span<const uint8_t> from) {
    size_t done = 0;
    const bool good = walk(segments, offset, from.size(), [&](Gpa address, size_t count) {
        const size_t at = done;
        done += count;
        return memory.write(address, from.subspan(at, count));
    });
    if (!good) return std::nullopt;
    return done;
}

bool map_pieces(DmaMapping& mapping, DmaLookup& memory, Segments segments, uint64_t offset, uint64_t size) {
    return walk(segments, offset, size,
                [&](Gpa address, size_t count) { return mapping.add(memory, address, count); });
}

}  // namespace vmm::virtio
