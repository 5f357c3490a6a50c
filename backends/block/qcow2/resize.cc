// Changing the size of the disk: a longer L1 table when the old one is too short, zeroes where old bytes
// could show through. See image.h.
#include <algorithm>
#include <cerrno>

#include "backends/block/qcow2/image.h"
#include "util/align.h"
#include "util/endian.h"

namespace vmm::qcow2 {

Status Image::resize(uint64_t new_size) {
    if (new_size == size()) return {};
    if (new_size % kSectorSize != 0)
        return Error::from_errno(EINVAL, "The new size must be a multiple of 512");
    if (geometry().version < 3 && !snapshots_.empty())
        return Error::from_errno(ENOTSUP, "Can't resize a version 2 image which has snapshots");
    TRY(begin_change());
    TRY(new_size > size() ? grow(new_size) : shrink(new_size));
    TRY(flush());
    TRY(header_.set_size(new_size));
    return file_.sync();
}

Status Image::grow_l1(uint64_t entries) {
    if (entries * 8 > kMaxL1Bytes)
        return Error::from_errno(EFBIG, "The image is too large for its cluster size");
    TRY(flush());
    const Geometry& g = geometry();
    uint64_t old_at = header().l1_offset, old_entries = header().l1_size;
    uint64_t clusters = g.clusters_for(entries * 8);
    uint64_t first = TRY(refcounts_.allocate_contiguous(clusters));
    changed();
    std::vector<uint8_t> raw(clusters << g.cluster_bits);
    std::vector<uint64_t> l1 = map_.l1();
    for (size_t i = 0; i < l1.size(); ++i)
        store_be<uint64_t>(&raw[i * 8], l1[i]);
    uint64_t at = first << g.cluster_bits;
    TRY(file_.write(at, raw));
    TRY(write_tables());
    TRY(header_.set_l1(at, static_cast<uint32_t>(entries)));
    TRY(file_.sync());
    map_.resize_l1(entries);
    metadata_.add(Area::ActiveL1, at, raw.size());
    if (old_entries == 0) return {};
    metadata_.remove(old_at, old_entries * 8);
    pending_.push_back({{old_at >> g.cluster_bits, g.clusters_for(old_entries * 8)}, FreedBy::Other});
    changed();
    return {};
}

Status Image::grow(uint64_t new_size) {
    uint64_t entries = geometry().l1_entries_for(new_size);
    if (entries > header().l1_size) TRY(grow_l1(entries));
    // The rest of the last cluster may hold anything, and a longer backing file shows itself behind it.
    uint64_t old = size(), part = std::min(align_up(old, geometry().cluster_size()), new_size);
    TRY(zero_part(old, part - old));
    uint64_t shown = std::min(new_size, backing_ ? backing_->size() : 0);
    if (shown > part) TRY(zero_clusters(part, align_up(shown, geometry().cluster_size()) - part, false));
    return {};
}

Status Image::shrink(uint64_t new_size) {
    uint64_t first = align_up(new_size, geometry().cluster_size());
    uint64_t last = align_up(size(), geometry().cluster_size());
    return first < last ? discard_clusters(first, last - first, FreedBy::Other) : Status();
}

}  // namespace vmm::qcow2
