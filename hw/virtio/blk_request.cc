// Requests of virtio block devices; see blk_request.h.
#include "hw/virtio/blk_request.h"

namespace vmm::virtio {

const char* BlkRequest::parse(DmaLookup& memory) {
    mapped_ = false;
    flags = 0;
    iov = {};
    bytes = 0;
    if (chain.readable_bytes() < sizeof header) return "a request without a header";
    if (chain.writable_bytes() == 0) return "a request without room for its status";
    if (!copy_from(memory, chain.readable(), 0, writable_bytes_of(header)))
        return "a header that is not in shared RAM";
    return nullptr;
}

std::optional<BlkStatus> BlkRequest::prepare(DmaLookup& memory, const BlkLimits& limits) {
    switch (static_cast<BlkType>(uint32_t{header.type})) {
        case BlkType::In:
        case BlkType::Out:
            return prepare_data(memory, limits);
        case BlkType::Flush:
            op = block::Op::Flush;
            offset = 0;
            return std::nullopt;
        case BlkType::Discard:
            if (!limits.discard) return BlkStatus::Unsupported;
            return prepare_range(memory, limits);
        case BlkType::WriteZeroes:
            if (!limits.write_zeroes) return BlkStatus::Unsupported;
            return prepare_range(memory, limits);
        default:
            return BlkStatus::Unsupported;
    }
}

std::optional<BlkStatus> BlkRequest::prepare_data(DmaLookup& memory, const BlkLimits& limits) {
    const bool write = header.type == static_cast<uint32_t>(BlkType::Out);
    const uint64_t size = write ? out_bytes() : in_bytes();
    const uint64_t sector = header.sector;
    if (write && limits.read_only) return BlkStatus::IoError;
    if (sector > limits.capacity / kSector || size > limits.capacity - sector * kSector)
        return BlkStatus::IoError;
    if (!is_aligned(sector * kSector, limits.block) || !is_aligned(size, limits.block))
        return BlkStatus::IoError;
    if (size == 0) return BlkStatus::Ok;
    using Direction = DmaMapping::Direction;
    mapping_.start(write ? Direction::FromGuest : Direction::ToGuest);
    const bool added = write ? map_segments(mapping_, memory, chain.readable(), sizeof header, size)
                             : map_segments(mapping_, memory, chain.writable(), 0, size);
    if (!added || !mapping_.finish_adding(memory)) return BlkStatus::IoError;
    mapped_ = true;
    op = write ? block::Op::Write : block::Op::Read;
    offset = sector * kSector;
    bytes = size;
    iov = mapping_.iov();
    return std::nullopt;
}

std::optional<BlkStatus> BlkRequest::prepare_range(DmaLookup& memory, const BlkLimits& limits) {
    const bool zeroes = header.type == static_cast<uint32_t>(BlkType::WriteZeroes);
    BlkRange range;
    // One range a request, as the configuration says.
    if (out_bytes() != sizeof range) return BlkStatus::Unsupported;
    if (!copy_from(memory, chain.readable(), sizeof header, writable_bytes_of(range)))
        return BlkStatus::IoError;
    const uint32_t allowed = zeroes ? kUnmapFlag : 0;
    if ((range.flags & ~allowed) != 0) return BlkStatus::Unsupported;
    const uint64_t sector = range.sector, sectors = range.sectors;
    const uint32_t most = zeroes ? limits.max_write_zeroes_sectors : limits.max_discard_sectors;
    if (limits.read_only || sectors > most) return BlkStatus::IoError;
    const uint64_t all = limits.capacity / kSector;
    if (sector > all || sectors > all - sector) return BlkStatus::IoError;
    if (!is_aligned(sector * kSector, limits.block) || !is_aligned(sectors * kSector, limits.block))
        return BlkStatus::IoError;
    if (sectors == 0) return BlkStatus::Ok;
    op = zeroes ? block::Op::WriteZeroes : block::Op::Discard;
    if (zeroes && (range.flags & kUnmapFlag) != 0) flags = block::kMayUnmap;
    offset = sector * kSector;
    bytes = sectors * kSector;
    return std::nullopt;
}

bool BlkRequest::answer(DmaLookup& memory, BlkStatus status) {
    const bool read = header.type == static_cast<uint32_t>(BlkType::In);
    written = 1;
    if (mapped_) {
        const uint64_t good = read && status == BlkStatus::Ok ? bytes : 0;
        if (!mapping_.end(memory, good)) status = BlkStatus::IoError;
        written += good;
    } else if (header.type == static_cast<uint32_t>(BlkType::GetId) && status == BlkStatus::Ok) {
        written += std::min<uint64_t>(in_bytes(), kBlkIdBytes);
    }
    const Segment& last = chain.writable().back();
    const auto code = static_cast<uint8_t>(status);
    return memory.write(last.address + (last.size - 1), bytes_of(code));
}

}  // namespace vmm::virtio
