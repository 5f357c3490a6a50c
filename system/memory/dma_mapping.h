// DmaMapping: the guest memory of one request as an iovec for a back end. Memory that always stays shared is
// named in place; as soon as a part of the request lies in memory whose pages can turn private, the whole of
// it is bounced through a buffer of ours, so that a conversion meets no request in its way and no request
// meets a page that is gone (docs/adr/0007). Kept by the request and used again; not thread-safe.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "system/memory/dma_space.h"

namespace vmm {

class DmaMapping {
  public:
    using Direction = DmaLookup::Direction;
    // A bounced request is refused beyond this, so that a guest cannot make the host hold much memory.
    static constexpr uint64_t kMaxBounce = 32 * kMiB;

    void start(Direction direction) {
        direction_ = direction;
        must_bounce_ = false;
        size_ = 0;
        parts_.clear();
        iov_.clear();
        bounce_.reset();
    }
    // The next bytes of the request. False: a device may not go there.
    [[nodiscard]] bool add(DmaLookup& memory, Gpa address, uint64_t size) {
        if (size == 0) return true;
        if (!GpaRange::make(address, size)) return false;
        size_ += size;
        parts_.push_back({address, size});
        if (must_bounce_) return true;
        const DmaLookup::Piece piece = memory.direct(address, size, direction_);
        if (piece.host == nullptr || piece.size != size || !iov_.empty()) [[unlikely]]
            return add_pieces(memory, address, size);
        iov_.push_back({piece.host, piece.size});
        return true;
    }
    // After the last add(): fetches what is bounced from the guest. False: a bus error, or too much to
    // bounce.
    [[nodiscard]] bool finish_adding(DmaLookup& memory) {
        if (must_bounce_) return fill_bounce(memory);
        if (direction_ == Direction::FromGuest)
            for (const Part& part : parts_)
                memory.note_read(part.address, part.size);
        return true;
    }

    // Good until start() or end().
    std::span<const iovec> iov() const { return iov_; }
    uint64_t size() const { return size_; }
    bool bounced() const { return bounce_ != nullptr; }

    // The back end is done: the first `bytes` of what it wrote go to the guest where they do not lie there
    // yet. False: a bus error.
    [[nodiscard]] bool end(DmaLookup& memory, uint64_t bytes) {
        return bounce_ == nullptr || end_bounce(memory, bytes);
    }

  private:
    static constexpr uint64_t kKeptBounce = 256 * kKiB;
    struct Part {
        Gpa address;
        uint64_t size;
    };

    bool add_pieces(DmaLookup& memory, Gpa address, uint64_t size);
    bool fill_bounce(DmaLookup& memory);
    bool end_bounce(DmaLookup& memory, uint64_t bytes);

    Direction direction_ = Direction::FromGuest;
    bool must_bounce_ = false;
    uint64_t size_ = 0;
    std::vector<Part> parts_;
    std::vector<iovec> iov_;
    std::unique_ptr<uint8_t[]> bounce_;
    std::unique_ptr<uint8_t[]> spare_;  // of kKeptBounce bytes, for the next one
};

}  // namespace vmm
