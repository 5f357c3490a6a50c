// Guest memory for back ends; see dma_mapping.h.
#include "system/memory/dma_mapping.h"

#include <algorithm>

namespace vmm {

bool DmaMapping::add_pieces(DmaLookup& memory, Gpa address, uint64_t size) {
    while (!must_bounce_ && size != 0) {
        const DmaLookup::Piece piece = memory.direct(address, size, direction_);
        if (piece.host == nullptr) {
            must_bounce_ = true;
            break;
        }
        iovec* last = iov_.empty() ? nullptr : &iov_.back();
        if (last != nullptr && static_cast<uint8_t*>(last->iov_base) + last->iov_len == piece.host)
            last->iov_len += piece.size;
        else
            iov_.push_back({piece.host, piece.size});
        address = address + piece.size;
        size -= piece.size;
    }
    return true;
}

bool DmaMapping::fill_bounce(DmaLookup& memory) {
    iov_.clear();
    if (size_ > kMaxBounce) return false;
    const uint64_t room = std::max(size_, kKeptBounce);
    bounce_ = size_ <= kKeptBounce && spare_ != nullptr ? std::move(spare_)
                                                        : std::make_unique_for_overwrite<uint8_t[]>(room);
    iov_.push_back({bounce_.get(), size_});
    uint8_t* to = bounce_.get();
    for (const Part& part : parts_) {
        // What a back end leaves unwritten must not show the guest what an earlier request held.
        if (direction_ == Direction::ToGuest)
            std::fill_n(to, part.size, uint8_t{0});
        else if (!memory.read(part.address, {to, part.size}))
            return false;
        to += part.size;
    }
    return true;
}

bool DmaMapping::end_bounce(DmaLookup& memory, uint64_t bytes) {
    bool good = true;
    if (direction_ == Direction::ToGuest) {
        const uint8_t* from = bounce_.get();
        for (const Part& part : parts_) {
            const uint64_t count = std::min(bytes, part.size);
            if (count != 0 && !memory.write(part.address, {from, count})) good = false;
            from += count;
            bytes -= count;
        }
    }
    if (size_ <= kKeptBounce) spare_ = std::move(bounce_);
    bounce_.reset();
    return good;
}

}  // namespace vmm
