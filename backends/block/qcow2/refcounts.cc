#include "backends/block/qcow2/refcounts.h"

#include <algorithm>
#include <cerrno>

#include "backends/block/qcow2/entries.h"
#include "backends/block/qcow2/refcount_field.h"
#include "util/align.h"
#include "util/endian.h"

namespace vmm::qcow2 {
namespace {

constexpr uint64_t kMostPieceBytes = uint64_t{64} << 10;
constexpr size_t kLeastPieces = 4;

unsigned long long ull(uint64_t n) {
    return n;
}

}  // namespace

Refcounts::Refcounts(HostFile& file, HeaderStore& header, MetadataMap& metadata, uint64_t cache_bytes)
    : file_(file),
      header_(header),
      metadata_(metadata),
      cache_(std::min(kMostPieceBytes, header.geometry().cluster_size()),
             std::max(kLeastPieces,
                      static_cast<size_t>(cache_bytes /
                                          std::min(kMostPieceBytes, header.geometry().cluster_size())))) {}

Status Refcounts::load() {
    const Header& h = header_.header();
    uint64_t bytes = uint64_t{h.refcount_table_clusters} << geometry().cluster_bits;
    std::vector<uint8_t> raw(bytes);
    TRY(file_.read(h.refcount_table_offset, raw));
    table_.resize(bytes / 8);
    lowest_free_.resize(table_.size());
    metadata_.add(Area::RefcountTable, h.refcount_table_offset, bytes);
    for (size_t i = 0; i < table_.size(); ++i) {
        uint64_t entry = load_be<uint64_t>(&raw[i * 8]);
        if ((entry & kRefcountTableReserved) || geometry().in_cluster(entry) || entry >= kMaxHostOffset)
            return Error::from_errno(EINVAL, "refcount table entry %zu (0x%llx) is invalid", i, ull(entry));
        if (entry == 0) continue;
        if (auto area = metadata_.at_cluster(entry >> geometry().cluster_bits))
            return Error::from_errno(EINVAL, "refcount block %zu lies on the %s", i, area_name(*area).data());
        table_[i] = entry;
        metadata_.add(Area::RefcountBlock, entry, geometry().cluster_size());
    }
    return {};
}

Result<Refcounts::Place> Refcounts::place(uint64_t cluster) {
    uint64_t block = table_[cluster >> geometry().block_shift()];
    uint64_t in_block = cluster & (geometry().block_entries() - 1);
    uint64_t per_piece = cache_.piece_bytes() * 8 >> geometry().refcount_order;
    uint64_t piece = block + in_block / per_piece * cache_.piece_bytes();
    uint64_t index = in_block % per_piece;
    if (uint8_t* bytes = cache_.find(piece)) return Place{piece, index, bytes};
    TableCache::Buffer buffer = cache_.spare();
    if (!buffer) {
        // Refcounts may be written at any time: a cluster is used only after they are durable, and those that
        // fell did so after the use was gone from the disk.
        TRY(write_blocks());
        buffer = cache_.spare();
    }
    if (Status read = file_.read(piece, {buffer.get(), cache_.piece_bytes()}); !read) {
        cache_.give_back(std::move(buffer));
        return std::move(read).take_error();
    }
    return Place{piece, index, cache_.insert(piece, std::move(buffer))};
}

Result<uint64_t> Refcounts::get(uint64_t cluster) {
    uint64_t block = cluster >> geometry().block_shift();
    if (block >= table_.size() || table_[block] == 0) return uint64_t{0};
    Place at = TRY(place(cluster));
    return refcount_field(at.bytes, at.index, geometry().refcount_order);
}

Status Refcounts::set(uint64_t cluster, uint64_t value) {
    Place at = TRY(place(cluster));
    unsigned order = geometry().refcount_order;
    set_refcount_field(at.bytes, at.index, order, value);
    uint64_t first = refcount_field_byte(at.index, order);
    uint64_t last = order >= 3 ? refcount_field_byte(at.index + 1, order) - 1 : first;
    cache_.mark(at.piece, first, last);
    return {};
}

// A cluster that the refcounts call free must not be one we know to be in use.
Status Refcounts::check_new(uint64_t cluster) {
    if (cluster == 0) return header_.report_corruption("the refcount of the header's cluster is 0");
    if (cluster >= kMaxHostOffset >> geometry().cluster_bits)
        return Error::from_errno(EFBIG, "the image is as large as the format allows");
    uint64_t offset = cluster << geometry().cluster_bits;
    if (auto area = metadata_.find(offset, 1))
        return header_.report_corruption(
            "Preventing invalid allocation of cluster at offset 0x%llx: it is the %s", ull(offset),
            area_name(*area).data());
    return {};
}

Status Refcounts::take(uint64_t cluster) {
    TRY(check_new(cluster));
    return set(cluster, 1);
}

// Makes the block of this index at a free cluster; of its own range, clusters [used_from, used_to) count 1.
Status Refcounts::add_block(uint64_t index, uint64_t at_cluster, uint64_t used_from, uint64_t used_to) {
    TRY(check_new(at_cluster));
    std::vector<uint8_t> block(geometry().cluster_size());
    uint64_t first = first_of_block(index);
    for (uint64_t cluster = std::max(used_from, first);
         cluster < std::min(used_to, first + geometry().block_entries()); ++cluster)
        set_refcount_field(block.data(), cluster - first, geometry().refcount_order, 1);
    uint64_t offset = at_cluster << geometry().cluster_bits;
    cache_.drop(offset, block.size());
    TRY(file_.write(offset, block));
    table_[index] = offset;
    changed_.insert(index);
    metadata_.add(Area::RefcountBlock, offset, block.size());
    return {};
}

// A longer table, in space that the old one could not even describe, with the blocks for that space before
// it. The header points to it when all of that is durable.
Status Refcounts::grow_table(uint64_t min_entries) {
    uint64_t old_entries = table_.size(), first = first_of_block(old_entries);
    uint64_t blocks = 1, clusters = 0;
    for (;;) {
        uint64_t entries = std::max({min_entries, old_entries + old_entries / 2, old_entries + blocks});
        uint64_t needed = geometry().clusters_for(entries * 8);
        uint64_t described = (blocks + needed + geometry().block_entries() - 1) >> geometry().block_shift();
        if (needed == clusters && described == blocks) break;
        clusters = std::max(needed, clusters);
        blocks = std::max(described, blocks);
    }
    uint64_t bytes = clusters << geometry().cluster_bits;
    if (bytes > kMaxRefcountTableBytes)
        return Error::from_errno(EFBIG, "the image is as large as its refcount table allows");
    uint64_t end = first + blocks + clusters, table_at = (first + blocks) << geometry().cluster_bits;
    if (end >= kMaxHostOffset >> geometry().cluster_bits)
        return Error::from_errno(EFBIG, "the image is as large as the format allows");

    std::vector<uint64_t> old_table = table_;
    table_.resize(bytes / 8);
    lowest_free_.resize(table_.size());
    Status made = [&]() -> Status {
        for (uint64_t i = 0; i < blocks; ++i)
            TRY(add_block(old_entries + i, first + i, first, end));
        std::vector<uint8_t> raw(bytes);
        for (size_t i = 0; i < table_.size(); ++i)
            store_be<uint64_t>(&raw[i * 8], table_[i]);
        TRY(file_.write(table_at, raw));
        return file_.sync();
    }();
    uint64_t old_at = header_.header().refcount_table_offset;
    uint64_t old_bytes = old_entries * 8;
    if (made) made = header_.set_refcount_table(table_at, static_cast<uint32_t>(clusters));
    if (made) made = file_.sync();
    if (!made) {
        // The header may or may not point to the new table; both describe the same clusters so far.
        table_ = std::move(old_table);
        lowest_free_.resize(old_entries);
        changed_.erase(changed_.lower_bound(old_entries), changed_.end());
        for (uint64_t i = 0; i < blocks; ++i)
            metadata_.remove((first + i) << geometry().cluster_bits, geometry().cluster_size());
        (void)static_cast<bool>(
            header_.set_refcount_table(old_at, static_cast<uint32_t>(geometry().clusters_for(old_bytes))));
        return made;
    }
    changed_.clear();
    metadata_.remove(old_at, old_bytes);
    metadata_.add(Area::RefcountTable, table_at, bytes);
    return release({old_at >> geometry().cluster_bits, geometry().clusters_for(old_bytes)});
}

// Clusters from space that no block describes yet, the blocks included.
Result<uint64_t> Refcounts::take_fresh(uint64_t count) {
    for (;;) {
        uint64_t index = table_.size();
        while (index > 0 && table_[index - 1] == 0)
            --index;
        uint64_t blocks = 0;
        for (uint64_t needed = 1; blocks != needed;) {
            blocks = needed;
            needed = (count + blocks + geometry().block_entries() - 1) >> geometry().block_shift();
        }
        if (index + blocks > table_.size()) {
            TRY(grow_table(index + blocks));
            continue;
        }
        uint64_t first = first_of_block(index);
        for (uint64_t i = 0; i < blocks; ++i)
            TRY(add_block(index + i, first + i, first, first + blocks + count));
        return first + blocks;
    }
}

Result<ClusterRun> Refcounts::allocate(uint64_t most) {
    for (;;) {
        uint64_t block = first_with_room_;
        if (block >= table_.size()) {
            TRY(grow_table(block + 1));
            continue;
        }
        uint64_t start = first_of_block(block), end = start + geometry().block_entries();
        if (table_[block] == 0) {
            TRY(add_block(block, start, start, start + 1));
            lowest_free_[block] = 1;
        }
        uint64_t cluster = start + lowest_free_[block];
        while (cluster < end && TRY(get(cluster)) != 0)
            ++cluster;
        ClusterRun run{cluster, 0};
        for (; run.count < most && cluster < end && TRY(get(cluster)) == 0; ++cluster, ++run.count)
            TRY(take(cluster));
        lowest_free_[block] = static_cast<uint32_t>(cluster - start);
        if (cluster == end) ++first_with_room_;
        if (run.count != 0) return run;
    }
}

// The first of `count` free clusters in a row that existing blocks describe; 0: none.
Result<uint64_t> Refcounts::find_run(uint64_t count) {
    uint64_t length = 0;
    for (uint64_t block = first_with_room_; block < table_.size(); ++block) {
        if (table_[block] == 0) {
            length = 0;
            continue;
        }
        uint64_t start = first_of_block(block), end = start + geometry().block_entries();
        if (lowest_free_[block] != 0) length = 0;
        for (uint64_t cluster = start + lowest_free_[block]; cluster < end; ++cluster) {
            length = TRY(get(cluster)) == 0 ? length + 1 : 0;
            if (length == count) return cluster + 1 - count;
        }
    }
    return uint64_t{0};
}

Result<uint64_t> Refcounts::allocate_contiguous(uint64_t count) {
    if (count == 1) return TRY(allocate(1)).first;
    uint64_t first = TRY(find_run(count));
    if (first == 0) return take_fresh(count);
    for (uint64_t i = 0; i < count; ++i)
        TRY(take(first + i));
    return first;
}

Status Refcounts::release(ClusterRun run) {
    for (uint64_t cluster = run.first; cluster < run.first + run.count; ++cluster) {
        uint64_t count = TRY(get(cluster));
        if (count == 0)
            return header_.report_corruption(
                "the refcount of the cluster at offset 0x%llx is 0 although it is in use",
                ull(cluster << geometry().cluster_bits));
        TRY(set(cluster, count - 1));
        if (count == 1) {
            cache_.drop(cluster << geometry().cluster_bits, geometry().cluster_size());
            uint64_t block = cluster >> geometry().block_shift();
            auto index = static_cast<uint32_t>(cluster - first_of_block(block));
            lowest_free_[block] = std::min(lowest_free_[block], index);
            first_with_room_ = std::min(first_with_room_, block);
        }
    }
    return {};
}

Result<ClusterRun> Refcounts::first_free_in(ClusterRun run) {
    ClusterRun found;
    for (uint64_t cluster = run.first; cluster < run.first + run.count; ++cluster) {
        if (TRY(get(cluster)) == 0) {
            if (found.count == 0) found.first = cluster;
            ++found.count;
        } else if (found.count != 0) {
            break;
        }
    }
    return found;
}

Status Refcounts::write_table() {
    uint64_t at = header_.header().refcount_table_offset;
    while (!changed_.empty()) {
        // Whole 512-byte sectors of entries.
        uint64_t first = *changed_.begin() & ~uint64_t{63};
        uint8_t sector[kSectorSize];
        for (uint64_t i = 0; i < 64; ++i)
            store_be<uint64_t>(sector + i * 8, first + i < table_.size() ? table_[first + i] : 0);
        TRY(file_.write(at + first * 8, sector));
        changed_.erase(changed_.begin(), changed_.lower_bound(first + 64));
    }
    return {};
}

}  // namespace vmm::qcow2
