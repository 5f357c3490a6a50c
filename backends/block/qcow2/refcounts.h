// Refcounts: how often each host cluster is used; finding free ones and growing the table that says so.
// Changes stay in a write-back cache; Image::flush() orders their writing. New refcount blocks lie inside the
// range they describe, so making one never needs another. Worker thread only. Spec: qcow2, "Host cluster
// management".
#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <vector>

#include "backends/block/qcow2/header_store.h"
#include "backends/block/qcow2/image_file.h"
#include "backends/block/qcow2/metadata_map.h"
#include "backends/block/qcow2/table_cache.h"
#include "util/result.h"

namespace vmm::qcow2 {

struct ClusterRun {
    uint64_t first = 0;  // a cluster's number
    uint64_t count = 0;
};

class Refcounts {
  public:
    // All outlive this.
    Refcounts(HostFile& file, HeaderStore& header, MetadataMap& metadata, uint64_t cache_bytes);

    // Reads the table that the header names and checks it.
    Status load();

    Result<uint64_t> get(uint64_t cluster);
    // Takes the first free run, of 1 to `most` clusters; their refcounts are 1 now.
    Result<ClusterRun> allocate(uint64_t most);
    // Takes exactly this many in a row.
    Result<uint64_t> allocate_contiguous(uint64_t count);
    // Takes one use away from each of the clusters. What becomes free is allocated again from now on.
    Status release(ClusterRun run);
    // Clusters of `run` whose refcount is 0 now, first run of them; {0, 0}: none.
    Result<ClusterRun> first_free_in(ClusterRun run);

    bool table_dirty() const { return !changed_.empty(); }
    // Neither syncs. The blocks are durable before the table that points to new ones is written.
    Status write_blocks() { return cache_.write_back(file_); }
    Status write_table();

    uint64_t table_entries() const { return table_.size(); }
    std::span<const uint64_t> table() const { return table_; }

  private:
    const Geometry& geometry() const { return header_.geometry(); }
    uint64_t first_of_block(uint64_t index) const { return index << geometry().block_shift(); }
    // The piece of a block that holds this cluster's refcount, and where in it; the block exists.
    struct Place {
        uint64_t piece;
        uint64_t index;
        uint8_t* bytes;
    };
    Result<Place> place(uint64_t cluster);
    Status set(uint64_t cluster, uint64_t value);
    Status take(uint64_t cluster);
    Status check_new(uint64_t cluster);
    Status add_block(uint64_t index, uint64_t at_cluster, uint64_t used_from, uint64_t used_to);
    Status grow_table(uint64_t min_entries);
    Result<uint64_t> take_fresh(uint64_t count);
    Result<uint64_t> find_run(uint64_t count);

    HostFile& file_;
    HeaderStore& header_;
    MetadataMap& metadata_;
    TableCache cache_;
    std::vector<uint64_t> table_;  // offsets of blocks, 0: none
    std::set<uint64_t> changed_;   // entries that the file does not have yet
    // Where to look for free clusters: none in blocks below the first, none in a block below its index.
    uint64_t first_with_room_ = 0;
    std::vector<uint32_t> lowest_free_;
};

}  // namespace vmm::qcow2
