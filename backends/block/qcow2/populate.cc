// What an image lies on: bytes that move into it, and the name that it has for it. See image.h.
#include <algorithm>

#include "backends/block/qcow2/image.h"

namespace vmm::qcow2 {

namespace {
constexpr uint64_t kMostAtOnce = uint64_t{1} << 20;

bool only_zeroes(const std::vector<uint8_t>& bytes) {
    return std::all_of(bytes.begin(), bytes.end(), [](uint8_t byte) { return byte == 0; });
}
}  // namespace

Status Image::populate(uint64_t offset, uint64_t bytes) {
    const Geometry& g = geometry();
    TRY(begin_change());
    std::vector<uint8_t> buffer;
    while (bytes > 0) {
        Mapping mapping = TRY(map_.lookup(offset, std::min(bytes, kMostAtOnce)));
        if (mapping.kind == ClusterKind::Unallocated) {
            buffer.resize(mapping.bytes);
            TRY(read_backing(offset, buffer));
            uint64_t clusters = mapping.bytes >> g.cluster_bits;
            bool whole = g.in_cluster(offset) == 0 && (clusters << g.cluster_bits) == mapping.bytes;
            if (whole && g.version >= 3 && only_zeroes(buffer)) {
                TRY(make_table_writable(offset));
                clusters = std::min(clusters, map_.clusters_left_in_piece(offset));
                mapping.bytes = clusters << g.cluster_bits;
                TRY(replace(offset, clusters, zero_entry(g), 0, FreedBy::Other));
            } else {
                TRY(write(offset, buffer));
            }
        }
        offset += mapping.bytes;
        bytes -= mapping.bytes;
    }
    return {};
}

Status Image::write_backing_name(const std::string& file, const std::string& format) {
    TRY(begin_change());
    return header_.set_backing_name(file, format);
}

}  // namespace vmm::qcow2
