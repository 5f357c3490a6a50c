// Writing zeroes and discarding: by L2 entries for whole clusters, by bytes for parts of them. See image.h.
#include <algorithm>
#include <cerrno>

#include "backends/block/qcow2/image.h"
#include "util/align.h"

namespace vmm::qcow2 {

// The end of a range in whole clusters: the disk's last cluster is whole when the range goes to the disk's
// end.
uint64_t Image::whole_end(uint64_t end) const {
    return end == size() ? align_up(end, geometry().cluster_size()) : geometry().cluster_start(end);
}

Status Image::write_zeroes(uint64_t offset, uint64_t bytes, bool keep) {
    TRY(begin_change());
    uint64_t end = offset + bytes, cluster = geometry().cluster_size();
    uint64_t first = align_up(offset, cluster), last = whole_end(end);
    if (first >= last) {
        // At most the ends of two clusters.
        uint64_t middle = std::min(first, end);
        TRY(zero_part(offset, middle - offset));
        return zero_part(middle, end - middle);
    }
    TRY(zero_part(offset, first - offset));
    TRY(zero_clusters(first, last - first, keep));
    return last < end ? zero_part(last, end - last) : Status();
}

// Inside one cluster.
Status Image::zero_part(uint64_t offset, uint64_t bytes) {
    if (bytes == 0) return {};
    Mapping mapping = TRY(map_.lookup(offset, bytes));
    if (mapping.bytes == bytes && reads_zero(mapping, offset)) return {};
    return write_buffer_of_zeroes(offset, bytes);
}

Status Image::zero_clusters(uint64_t offset, uint64_t bytes, bool keep) {
    const Geometry& g = geometry();
    while (bytes > 0) {
        Mapping m = TRY(map_.lookup_whole(offset, bytes));
        uint64_t count = g.clusters_for(m.bytes);
        bool kept = keep && m.exclusive;
        if (m.kind == ClusterKind::Zero || (m.kind == ClusterKind::ZeroAllocated && kept) ||
            (m.kind == ClusterKind::Unallocated && reads_zero(m, offset))) {
            // It is so already.
        } else if (g.version < 3) {
            // Version 2 has no zero clusters; without a backing file, an unallocated one is as good.
            if (!backing_ && !keep) {
                TRY(discard_clusters(offset, m.bytes, FreedBy::Request));
            } else {
                TRY(write_buffer_of_zeroes(offset, m.bytes));
            }
        } else {
            TRY(make_table_writable(offset));
            // What has no table yet is one run; what has one is in pieces.
            count = std::min(count, map_.clusters_left_in_piece(offset));
            m.bytes = std::min(m.bytes, count << g.cluster_bits);
            if (m.kind == ClusterKind::Data && kept) {
                TRY(map_.set_entries(offset, count, kept_zero_entry(g, m.host), g.cluster_size()));
                changed();
            } else {
                TRY(replace(offset, count, zero_entry(g), 0, keep ? FreedBy::Other : FreedBy::Request));
            }
        }
        offset += m.bytes;
        bytes -= m.bytes;
    }
    return {};
}

Status Image::discard(uint64_t offset, uint64_t bytes) {
    // An unallocated cluster would show what the backing file has.
    if (geometry().version < 3 && backing_)
        return Error::from_errno(ENOTSUP, "a version 2 image cannot discard");
    TRY(begin_change());
    uint64_t first = align_up(offset, geometry().cluster_size()), last = whole_end(offset + bytes);
    return first < last ? discard_clusters(first, last - first, FreedBy::Request) : Status();
}

Status Image::discard_clusters(uint64_t offset, uint64_t bytes, FreedBy by) {
    while (bytes > 0) {
        Mapping m = TRY(map_.lookup_whole(offset, bytes));
        bool nothing = m.kind == ClusterKind::Zero || (m.kind == ClusterKind::Unallocated && !backing_);
        if (!nothing) {
            TRY(make_table_writable(offset));
            // What has no table yet is one run; what has one is in pieces.
            uint64_t count = std::min(geometry().clusters_for(m.bytes), map_.clusters_left_in_piece(offset));
            m.bytes = std::min(m.bytes, count << geometry().cluster_bits);
            TRY(replace(offset, count, zero_entry(geometry()), 0, by));
        }
        offset += m.bytes;
        bytes -= m.bytes;
    }
    return {};
}

}  // namespace vmm::qcow2
