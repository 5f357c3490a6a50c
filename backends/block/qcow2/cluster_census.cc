#include "backends/block/qcow2/cluster_census.h"

#include <algorithm>
#include <limits>

#include "backends/block/qcow2/entries.h"
#include "util/endian.h"
#include "util/text.h"

namespace vmm::qcow2 {

ClusterCensus::ClusterCensus(ImageFile& file, const Header& header)
    : file_(file),
      header_(header),
      geometry_(header.geometry),
      file_size_(file.size()),
      counts_(header.geometry.clusters_for(file_size_)),
      holds_(counts_.size(), Holds::Nothing) {}

void ClusterCensus::problem(std::string text) {
    if (problems_++ == 0) first_problem_ = std::move(text);
}

void ClusterCensus::use(uint64_t offset, uint64_t bytes, const char* what, Holds holds) {
    if (bytes == 0) return;
    uint64_t first = offset >> geometry_.cluster_bits, last = (offset + bytes - 1) >> geometry_.cluster_bits;
    if (last >= counts_.size()) {
        problem(
            strf("%s at 0x%llx is past the end of the file", what, static_cast<unsigned long long>(offset)));
        return;
    }
    for (uint64_t cluster = first; cluster <= last; ++cluster) {
        if (counts_[cluster] != std::numeric_limits<uint32_t>::max()) ++counts_[cluster];
        if (holds_[cluster] != Holds::Nothing && holds_[cluster] != holds)
            problem(strf("%s at 0x%llx is metadata and data at once", what,
                         static_cast<unsigned long long>(offset)));
        holds_[cluster] = holds;
    }
}

Result<std::vector<uint64_t>> ClusterCensus::read_table(uint64_t offset, uint64_t entries) {
    std::vector<uint8_t> raw(entries * 8);
    TRY(file_.read(offset, raw));
    std::vector<uint64_t> table(entries);
    for (size_t i = 0; i < entries; ++i)
        table[i] = load_be<uint64_t>(&raw[i * 8]);
    return table;
}

Status ClusterCensus::count_all() {
    const Header& h = header_;
    use(0, geometry_.cluster_size(), "the header");
    TRY(count_l1(h.l1_offset, h.l1_size));
    if (h.snapshot_count == 0) return {};
    if (h.snapshots_offset >= file_size_) {
        problem("the snapshot table is past the end of the file");
        return {};
    }
    std::vector<uint8_t> raw(std::min(file_size_ - h.snapshots_offset, kMaxSnapshotTableBytes));
    TRY(file_.read(h.snapshots_offset, raw));
    auto table = parse_snapshot_table(raw, h.snapshot_count, geometry_, file_size_);
    if (!table) {
        problem(table.error().text());
        return {};
    }
    use(h.snapshots_offset, table->bytes, "the snapshot table");
    for (const Snapshot& snapshot : table->snapshots)
        TRY(count_l1(snapshot.l1_offset, snapshot.l1_size));
    return {};
}

Status ClusterCensus::count_l1(uint64_t offset, uint64_t entries) {
    use(offset, entries * 8, "an L1 table");
    std::vector<uint64_t> table = TRY(read_table(offset, entries));
    std::unordered_set<uint64_t> seen;
    for (uint64_t entry : table) {
        uint64_t host = entry & kOffsetMask;
        if (!l1_entry_valid(entry, geometry_) || (host != 0 && !seen.insert(host).second)) {
            problem(strf("L1 entry 0x%llx is invalid", static_cast<unsigned long long>(entry)));
            continue;
        }
        if (host != 0) TRY(count_l2(host));
    }
    return {};
}

Status ClusterCensus::count_l2(uint64_t offset) {
    use(offset, geometry_.cluster_size(), "an L2 table");
    if (offset >= file_size_) return {};
    std::vector<uint64_t> table = TRY(read_table(offset, geometry_.cluster_size() / 8));
    for (size_t i = 0, words = geometry_.extended_l2 ? 2 : 1; i < table.size(); i += words) {
        uint64_t entry = table[i];
        if (!subclusters_valid({entry, table[i + words - 1]}, geometry_))
            problem(
                strf("subclusters of L2 entry 0x%llx are invalid", static_cast<unsigned long long>(entry)));
        ClusterKind kind = kind_of(entry, geometry_);
        if (has_host_cluster(kind)) {
            use(entry & kOffsetMask, geometry_.cluster_size(), "a data cluster", Holds::Data);
        } else if (kind == ClusterKind::Compressed) {
            CompressedExtent extent = compressed_extent(entry, geometry_);
            use(extent.offset, extent.bytes, "a compressed cluster", Holds::Data);
        } else if (kind == ClusterKind::Invalid) {
            problem(strf("L2 entry 0x%llx is invalid", static_cast<unsigned long long>(entry)));
        }
    }
    return {};
}

Status ClusterCensus::count_refcount_structures(std::vector<uint64_t>& blocks) {
    uint64_t bytes = uint64_t{header_.refcount_table_clusters} << geometry_.cluster_bits;
    use(header_.refcount_table_offset, bytes, "the refcount table");
    blocks = TRY(read_table(header_.refcount_table_offset, bytes / 8));
    std::unordered_set<uint64_t> seen;
    for (uint64_t& block : blocks) {
        if (block == 0) continue;
        if ((block & kRefcountTableReserved) || geometry_.in_cluster(block) || !seen.insert(block).second) {
            problem(strf("refcount table entry 0x%llx is invalid", static_cast<unsigned long long>(block)));
            block = 0;
            continue;
        }
        use(block, geometry_.cluster_size(), "a refcount block");
        if (block >> geometry_.cluster_bits >= counts_.size()) block = 0;
    }
    return {};
}

void ClusterCensus::check_flag(uint64_t entry, uint64_t host, bool both_ways, const char* what) {
    uint64_t cluster = host >> geometry_.cluster_bits;
    if (cluster >= counts_.size()) return;
    bool claimed = (entry & kCopied) != 0, one = counts_[cluster] == 1;
    if (claimed == one || (!claimed && !both_ways)) return;
    problem(strf("%s entry 0x%llx: the cluster's refcount is %u", what,
                 static_cast<unsigned long long>(entry), counts_[cluster]));
}

Status ClusterCensus::check_copied_flags(bool both_ways) {
    std::vector<uint64_t> l1 = TRY(read_table(header_.l1_offset, header_.l1_size));
    for (uint64_t l1_entry : l1) {
        uint64_t host = l1_entry & kOffsetMask;
        if (host == 0 || !l1_entry_valid(l1_entry, geometry_)) continue;
        check_flag(l1_entry, host, both_ways, "L1");
        if (host >= file_size_) continue;
        std::vector<uint64_t> l2 = TRY(read_table(host, geometry_.cluster_size() / 8));
        for (size_t k = 0; k < l2.size(); k += geometry_.extended_l2 ? 2 : 1)
            if (has_host_cluster(kind_of(l2[k], geometry_)))
                check_flag(l2[k], l2[k] & kOffsetMask, both_ways, "L2");
    }
    return {};
}

}  // namespace vmm::qcow2
