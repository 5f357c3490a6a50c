// ClusterMap: guest offsets to host clusters: the active L1 table and a cache of pieces of L2 tables, and who
// is using which guest clusters at the moment. One worker at a time changes it and loads pieces; lookups of
// what is cached come from any thread (enter()), so both sides meet under one short mutex that is never held
// over I/O. Spec: qcow2, "Cluster mapping".
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <vector>

#include "backends/block/qcow2/entries.h"
#include "backends/block/qcow2/header_store.h"
#include "backends/block/qcow2/image_file.h"
#include "backends/block/qcow2/metadata_map.h"
#include "backends/block/qcow2/table_cache.h"
#include "util/mutex.h"
#include "util/result.h"

namespace vmm::qcow2 {

// A run of guest bytes of one kind, inside one piece of an L2 table.
struct Mapping {
    ClusterKind kind = ClusterKind::Unallocated;
    bool exclusive = false;  // refcount 1: may be written in place
    uint64_t host = 0;       // of the first byte: Data, ZeroAllocated
    uint64_t bytes = 0;
    // As they stand in the table, of the first cluster.
    uint64_t entry = 0;
    uint64_t subclusters = 0;
};

// The guest bytes of a request that goes past the worker. Owned by the request.
struct InFlight {
    uint64_t first = 0, last = 0;
    InFlight* next = nullptr;
    InFlight* previous = nullptr;
};

class ClusterMap {
  public:
    // `make_room`: called when every cached piece is changed; writes them in order. All outlive this.
    ClusterMap(HostFile& file, HeaderStore& header, MetadataMap& metadata, uint64_t cache_bytes,
               uint64_t piece_bytes, std::function<Status()> make_room);

    // Reads and checks the L1 table.
    Status load();
    const Geometry& geometry() const { return header_.geometry(); }

    // Any thread. What is at the offset when that is in memory; one run of at most `bytes`.
    std::optional<Mapping> peek(uint64_t offset, uint64_t bytes) const;
    // Any thread. Registers the range as in use by a request that goes past the worker, unless the worker is
    // changing clusters of it. leave() ends it.
    bool enter(InFlight& request, uint64_t offset, uint64_t bytes);
    void leave(InFlight& request);
    // Worker. Waits until nobody is inside the range's clusters and keeps them out until release().
    void exclude(uint64_t offset, uint64_t bytes);
    void release();

    // The rest is the worker's.
    Result<Mapping> lookup(uint64_t offset, uint64_t bytes);
    // The same in whole clusters from a cluster's start on: one whose subclusters differ is Data, and `host`
    // is there whenever the entry has one.
    Result<Mapping> lookup_whole(uint64_t offset, uint64_t bytes);
    uint64_t clusters_left_in_piece(uint64_t guest) const;
    // The L2 table for this offset: is there one of our own (not shared with a snapshot)?
    bool table_writable(uint64_t offset) const;
    // The table's place, 0: none.
    uint64_t table_at(uint64_t offset) const;
    // A new L2 table at this host offset, with the bytes of the old one; the caller has allocated it.
    Status set_table(uint64_t guest, uint64_t host);
    // Changes `count` entries from this guest cluster on, all of one piece, in a table that is writable:
    // the n-th gets value.entry + n * step.
    Status set_entries(uint64_t guest, uint64_t count, const L2Entry& value, uint64_t step);

    // Neither syncs.
    Status write_pieces() { return cache_.write_back(file_); }
    Status write_l1();
    // A cluster is free now: whatever table was in it is not cached any more.
    void forget(uint64_t host, uint64_t bytes);

    // The L1 table moves (resize); the caller has written it there and does the header.
    void resize_l1(uint64_t entries);
    std::vector<uint64_t> l1() const;

  private:
    uint64_t piece_offset(uint64_t guest, uint64_t table) const;
    uint64_t entries_per_piece() const { return cache_.piece_bytes() >> geometry().l2_entry_shift(); }
    uint64_t index_in_piece(uint64_t guest) const;
    Result<uint8_t*> load_piece(uint64_t piece);
    Mapping run_at(const uint8_t* piece, uint64_t guest, uint64_t bytes) const;

    HostFile& file_;
    HeaderStore& header_;
    MetadataMap& metadata_;
    const std::function<Status()> make_room_;

    mutable Mutex mutex_{LockRank::Leaf, "qcow2 cluster map"};
    Condition left_;
    // Changed by the worker under the mutex; it reads them without.
    std::vector<uint64_t> l1_;
    mutable TableCache cache_;
    std::set<uint64_t> changed_l1_;  // the worker's alone
    InFlight* inside_ GUARDED_BY(mutex_) = nullptr;
    bool excluding_ GUARDED_BY(mutex_) = false;
    uint64_t excluded_first_ GUARDED_BY(mutex_) = 0, excluded_last_ GUARDED_BY(mutex_) = 0;
};

}  // namespace vmm::qcow2
