#include "backends/block/qcow2/check.h"

#include <algorithm>
#include <cerrno>

#include "backends/block/qcow2/cluster_census.h"
#include "backends/block/qcow2/header_store.h"
#include "backends/block/qcow2/refcount_field.h"
#include "util/endian.h"
#include "util/text.h"

namespace vmm::qcow2 {
namespace {

struct Rebuilt {
    uint64_t table_at = 0;
    uint64_t table_clusters = 0;
};

// What the new blocks and the new table take, as a fixed point: they count themselves.
struct Layout {
    uint64_t first = 0;  // the new structures' first cluster
    std::vector<uint64_t> ranges;
    uint64_t table_clusters = 0;
    uint64_t end() const { return first + ranges.size() + table_clusters; }
};

Layout lay_out(const Geometry& g, const std::vector<uint32_t>& counts, uint64_t first) {
    std::vector<uint64_t> used;
    for (uint64_t cluster = 0; cluster < counts.size(); ++cluster) {
        uint64_t range = cluster >> g.block_shift();
        if (counts[cluster] != 0 && (used.empty() || used.back() != range)) used.push_back(range);
    }
    Layout layout;
    layout.first = first;
    for (;;) {
        uint64_t before = layout.end();
        std::vector<uint64_t> ranges = used;
        for (uint64_t range = first >> g.block_shift();
             range << g.block_shift() < std::max(before, first + 1); ++range)
            if (std::find(ranges.begin(), ranges.end(), range) == ranges.end()) ranges.push_back(range);
        layout.ranges = std::move(ranges);
        layout.table_clusters = g.clusters_for((layout.ranges.back() + 1) * 8);
        if (layout.end() == before) return layout;
    }
}

Status write_refcounts(HostFile& file, const Geometry& g, const std::vector<uint32_t>& counts,
                       const Layout& layout) {
    std::vector<uint8_t> table(layout.table_clusters << g.cluster_bits);
    std::vector<uint8_t> block(g.cluster_size());
    for (size_t i = 0; i < layout.ranges.size(); ++i) {
        std::fill(block.begin(), block.end(), uint8_t{0});
        uint64_t start = layout.ranges[i] << g.block_shift();
        for (uint64_t index = 0; index < g.block_entries(); ++index) {
            uint64_t cluster = start + index;
            uint64_t count = cluster < counts.size() ? counts[cluster] : 0;
            if (cluster >= layout.first && cluster < layout.end()) count = 1;
            if (count > g.max_refcount())
                return Error::from_errno(EINVAL, "a cluster is used more often than can be counted");
            if (count != 0) set_refcount_field(block.data(), index, g.refcount_order, count);
        }
        uint64_t at = (layout.first + i) << g.cluster_bits;
        TRY(file.write(at, block));
        store_be<uint64_t>(&table[layout.ranges[i] * 8], at);
    }
    TRY(file.write((layout.first + layout.ranges.size()) << g.cluster_bits, table));
    return file.sync();
}

Error beyond_repair(const std::string& problem) {
    return Error::from_errno(EIO, "the image was not closed cleanly and is damaged besides: %s",
                             problem.c_str())
        .with_hint("'qemu-img check -r all' may repair it");
}

}  // namespace

Status repair_dirty_image(ImageFile& raw_file, Header& header, std::span<uint8_t> first_cluster) {
    const Geometry g = header.geometry;
    ClusterCensus census(raw_file, header);
    TRY(census.count_all());
    TRY(census.check_copied_flags(false));
    if (census.problems() != 0) return beyond_repair(census.first_problem());
    std::vector<uint32_t> counts = census.counts();
    // The old structures stay as they are until the header points to the new ones, behind everything else.
    std::vector<uint64_t> old_blocks;
    TRY(census.count_refcount_structures(old_blocks));
    uint64_t first = counts.size();
    while (first > 0 && census.counts()[first - 1] == 0)
        --first;

    Layout layout = lay_out(g, counts, first);
    if (layout.table_clusters << g.cluster_bits > kMaxRefcountTableBytes)
        return Error::from_errno(EFBIG, "the image's refcount table would become too large");
    HostFile file(raw_file);
    HeaderStore store(file, header, first_cluster, true);
    TRY(write_refcounts(file, g, counts, layout));
    TRY(store.set_repaired((layout.first + layout.ranges.size()) << g.cluster_bits,
                           static_cast<uint32_t>(layout.table_clusters)));
    TRY(file.sync());
    TRY(file.read(0, first_cluster));
    header = TRY(parse_header(first_cluster, raw_file.size()));
    return {};
}

Result<CheckReport> check_image(ImageFile& file) {
    std::vector<uint8_t> start(std::min(file.size(), kMinHeaderRead));
    TRY(file.read(0, start));
    Geometry g = TRY(probe_header(start));
    std::vector<uint8_t> cluster(g.cluster_size());
    TRY(file.read(0, cluster));
    Header header = TRY(parse_header(cluster, file.size()));
    ClusterCensus census(file, header);
    TRY(census.count_all());
    std::vector<uint64_t> blocks;
    TRY(census.count_refcount_structures(blocks));
    TRY(census.check_copied_flags(true));

    CheckReport report;
    std::vector<uint8_t> block(g.cluster_size());
    for (uint64_t i = 0; i < std::max<uint64_t>(blocks.size(), 1); ++i) {
        bool there = i < blocks.size() && blocks[i] != 0;
        if (!there && i << g.block_shift() >= census.counts().size()) continue;
        if (there) TRY(file.read(blocks[i], block));
        for (uint64_t index = 0; index < g.block_entries(); ++index) {
            uint64_t at = (i << g.block_shift()) + index;
            uint64_t said = there ? refcount_field(block.data(), index, g.refcount_order) : 0;
            uint64_t used = at < census.counts().size() ? census.counts()[at] : 0;
            if (said < used)
                census.problem(strf(
                    "cluster 0x%llx: refcount %llu, used %llu times", static_cast<unsigned long long>(at),
                    static_cast<unsigned long long>(said), static_cast<unsigned long long>(used)));
            if (said > used) ++report.leaks;
        }
    }
    // Clusters past what the refcount table can describe.
    for (uint64_t at = blocks.size() << g.block_shift(); at < census.counts().size(); ++at)
        if (census.counts()[at] != 0) census.problem("a used cluster has no refcount");
    report.corruptions = census.problems();
    report.first_problem = census.first_problem();
    return report;
}

}  // namespace vmm::qcow2
