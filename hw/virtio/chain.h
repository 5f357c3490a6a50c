// Chain: one buffer that the driver made available: the pieces of guest memory the device may read, then
// those it may write. The descriptors behind it were read once and judged; nothing here looks at guest memory
// again. A chain that a queue filled goes back to it (Queue::push or discard) before it dies. It keeps its
// storage from use to use.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "hw/virtio/features.h"
#include "system/memory/address.h"
#include "system/memory/dma_mapping.h"
#include "system/memory/dma_space.h"
#include "util/check.h"

namespace vmm::virtio {

// A piece of guest memory; never empty, never wraps.
struct Segment {
    Gpa address;
    uint32_t size;
};
using Segments = std::span<const Segment>;

class Chain {
  public:
    Chain() = default;
    Chain(const Chain&) = delete;
    Chain& operator=(const Chain&) = delete;
    ~Chain() { CHECK(!outstanding_, "a virtio buffer was lost"); }

    Segments readable() const { return {segments_.data(), readable_}; }
    Segments writable() const { return Segments(segments_).subspan(readable_); }
    uint64_t readable_bytes() const { return readable_bytes_; }
    uint64_t writable_bytes() const { return writable_bytes_; }
    bool outstanding() const { return outstanding_; }

    // For the rings that fill it.
    void start() {
        segments_.clear();
        readable_ = 0;
        readable_bytes_ = writable_bytes_ = 0;
    }
    // False: a readable piece after a writable one, too many, or one that wraps.
    [[nodiscard]] bool add(uint64_t address, uint32_t size, bool writable) {
        const bool late_readable = !writable && readable_ != segments_.size();
        if (late_readable || segments_.size() == kMaxSegments) return false;
        if (size == 0) return true;
        if (!GpaRange::make(Gpa(address), size)) return false;
        segments_.push_back({Gpa(address), size});
        if (!writable) ++readable_;
        (writable ? writable_bytes_ : readable_bytes_) += size;
        return true;
    }

    uint16_t id = 0;           // split: head descriptor; packed: buffer id
    uint16_t descriptors = 1;  // packed: how many slots of the ring it takes

  private:
    friend class Queue;
    std::vector<Segment> segments_;
    size_t readable_ = 0;
    uint64_t readable_bytes_ = 0;
    uint64_t writable_bytes_ = 0;
    bool outstanding_ = false;
    uint32_t life_ = 0;  // of the queue, when it was popped
};

// Copies between a buffer and ours, from a byte offset in the segments on. The count that fitted; empty on a
// bus error.
std::optional<size_t> copy_from_pieces(DmaLookup& memory, Segments segments, uint64_t offset,
                                       std::span<uint8_t> into);
inline std::optional<size_t> copy_from(DmaLookup& memory, Segments segments, uint64_t offset,
                                       std::span<uint8_t> into) {
    if (segments.empty() || offset != 0 || into.size() > segments[0].size) [[unlikely]]
        return copy_from_pieces(memory, segments, offset, into);
    if (!memory.read(segments[0].address, into)) return std::nullopt;
    return into.size();
}
std::optional<size_t> copy_to(DmaLookup& memory, Segments segments, uint64_t offset,
                              std::span<const uint8_t> from);
// Adds `size` bytes from `offset` on to a mapping. False where a device may not go.
[[nodiscard]] bool map_pieces(DmaMapping& mapping, DmaLookup& memory, Segments segments, uint64_t offset,
                              uint64_t size);
[[nodiscard]] inline bool map_segments(DmaMapping& mapping, DmaLookup& memory, Segments segments,
                                       uint64_t offset, uint64_t size) {
    if (offset != 0 && !segments.empty() && segments[0].size == offset) {
        segments = segments.subspan(1);
        offset = 0;
    }
    if (segments.empty() || offset != 0 || segments[0].size != size) [[unlikely]]
        return map_pieces(mapping, memory, segments, offset, size);
    return mapping.add(memory, segments[0].address, size);
}

}  // namespace vmm::virtio
