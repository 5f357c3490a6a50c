// Reading from an image: each run of clusters of one kind by its own way. See image.h.
#include <algorithm>
#include <cerrno>
#include <cstring>

#include "backends/block/qcow2/image.h"

namespace vmm::qcow2 {

Status Image::read(uint64_t offset, std::span<uint8_t> into) {
    while (!into.empty()) {
        Mapping mapping = TRY(map_.lookup(offset, into.size()));
        TRY(read_run(mapping, offset, into.first(mapping.bytes)));
        offset += mapping.bytes;
        into = into.subspan(mapping.bytes);
    }
    return {};
}

Status Image::read_run(const Mapping& mapping, uint64_t offset, std::span<uint8_t> into) {
    switch (mapping.kind) {
        case ClusterKind::Data:
            return file_.read(mapping.host, into);
        case ClusterKind::Unallocated:
            return read_backing(offset, into);
        case ClusterKind::Compressed:
            return read_compressed(mapping, offset, into);
        default:
            std::fill(into.begin(), into.end(), uint8_t{0});
            return {};
    }
}

Status Image::read_backing(uint64_t offset, std::span<uint8_t> into) {
    uint64_t end = backing_ ? backing_->size() : 0;
    uint64_t there = offset < end ? std::min<uint64_t>(into.size(), end - offset) : 0;
    if (there > 0) TRY(backing_->read(offset, into.first(there)));
    auto rest = into.subspan(there);
    std::fill(rest.begin(), rest.end(), uint8_t{0});
    return {};
}

Status Image::read_compressed(const Mapping& mapping, uint64_t offset, std::span<uint8_t> into) {
    if (compressed_entry_ != mapping.entry) {
        CompressedExtent extent = compressed_extent(mapping.entry, geometry());
        // A compressed cluster may end with the file, before its last sector does.
        if (extent.offset >= file_.end())
            return header_.report_corruption("a compressed cluster lies past the end of the file");
        std::vector<uint8_t> raw(extent.bytes);
        TRY(file_.read(extent.offset, raw));
        compressed_entry_ = 0;
        decompressed_.resize(geometry().cluster_size());
        TRY(decompressor_.run(raw, decompressed_));
        compressed_entry_ = mapping.entry;
    }
    std::memcpy(into.data(), &decompressed_[geometry().in_cluster(offset)], into.size());
    return {};
}

bool Image::reads_zero(const Mapping& mapping, uint64_t offset) const {
    if (mapping.kind == ClusterKind::Zero || mapping.kind == ClusterKind::ZeroAllocated) return true;
    return mapping.kind == ClusterKind::Unallocated && (!backing_ || offset >= backing_->size());
}

}  // namespace vmm::qcow2
