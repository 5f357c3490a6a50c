// Image: an open qcow2 image, blocking: what the node's worker calls, and what tests and fuzzers drive
// without a node. One thread at a time ("the worker"), but for map().peek/enter/leave and
// may_write_in_place(), which are any thread's. Writes reach the file in an order that leaves, at any crash,
// an image whose worst fault is leaked clusters (flush.cc says how). Spec: qcow2 versions 2 and 3. Missing:
// writing compressed clusters, making snapshots, external data files, encryption (the last two are refused by
// name).
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "backends/block/qcow2/cluster_map.h"
#include "backends/block/qcow2/compress.h"
#include "backends/block/qcow2/header_store.h"
#include "backends/block/qcow2/image_file.h"
#include "backends/block/qcow2/metadata_map.h"
#include "backends/block/qcow2/refcounts.h"
#include "backends/block/qcow2/snapshot_ro.h"
#include "util/result.h"

namespace vmm::qcow2 {

// Who made a cluster free, for pass-discard-*.
enum class FreedBy : uint8_t { Request, Other };

struct OpenOptions {
    bool writable = true;
    // Called once, on the thread that finds the image damaged while it is in use; what is wrong.
    CorruptionListener corruption_found;
    std::string name = "qcow2 image";    // for messages
    std::optional<bool> lazy_refcounts;  // absent: as the image says
    bool pass_discard_request = true;    // clusters a discard freed are discarded in the file
    bool pass_discard_other = false;     // clusters freed by anything else
    uint32_t overlap_check = kOverlapCached;
    uint64_t l2_cache_bytes = uint64_t{32} << 20;  // at most; less when the disk needs less
    uint64_t l2_piece_bytes = 0;                   // 0: up to 64 KiB
    uint64_t refcount_cache_bytes = 0;             // 0: the least that works
};

class Image {
  public:
    // The file is borrowed and outlives the image. A writable image that was not closed cleanly is repaired
    // first; one that is corrupt is opened for reading only. Reads tables: do it where blocking is allowed.
    static Result<std::unique_ptr<Image>> open(ImageFile& file, const OpenOptions& options);
    ~Image();
    Image(const Image&) = delete;
    Image& operator=(const Image&) = delete;

    // What lies below; null: nothing. Borrowed; before the first request.
    void set_backing(BackingReader* backing) { backing_ = backing; }

    const Header& header() const { return header_.header(); }
    const Geometry& geometry() const { return header_.geometry(); }
    uint64_t size() const { return header_.header().size; }
    const std::vector<Snapshot>& snapshots() const { return snapshots_; }
    bool lazy_refcounts() const { return lazy_; }
    // Any thread: the header's bits as they are now. A writable image had neither when it was opened.
    bool corrupt() const { return header_.corrupt() || says_at_open(kCorruptBit); }
    bool dirty() const {
        return (lazy_ && changing_.load(std::memory_order_relaxed)) || says_at_open(kDirtyBit);
    }
    const std::string& corruption() const { return header_.corruption(); }
    uint64_t l2_cache_bytes() const { return l2_cache_bytes_; }

    // Ranges lie inside size().
    Status read(uint64_t offset, std::span<uint8_t> into);
    Status write(uint64_t offset, std::span<const uint8_t> from);
    // keep: host clusters stay allocated for later writes.
    Status write_zeroes(uint64_t offset, uint64_t bytes, bool keep);
    // Whole clusters inside the range read as zeroes afterwards; ENOTSUP where the format could only show
    // what the backing file has (version 2).
    Status discard(uint64_t offset, uint64_t bytes);
    // What is unallocated in the range becomes the image's own, as it reads. From a cluster's start on.
    Status populate(uint64_t offset, uint64_t bytes);
    // What the image says it lies on; empty: nothing. Durable.
    Status write_backing_name(const std::string& file, const std::string& format);
    // Everything that was done before is durable.
    Status flush();
    // Changes the virtual size. New bytes read as zeroes. Nothing else is under way.
    Status resize(uint64_t size);
    // Writes everything out and takes the dirty bit away, until the next change.
    Status close();

    // Any thread. The mapped part of the file may be written at once: this is not the image's first write, it
    // is not corrupt, and the place is not metadata.
    bool may_write_in_place(const Mapping& mapping) const;
    // Any thread: there is something that only flush() can write.
    bool metadata_dirty() const { return metadata_dirty_.load(std::memory_order_acquire); }
    // Any thread: data were written to the file past this object.
    void note_write() { file_.note_write(); }
    ClusterMap& map() { return map_; }

  private:
    struct Token {
        explicit Token() = default;
    };

  public:
    Image(Token, ImageFile& file, Header header, std::span<const uint8_t> first_cluster,
          const OpenOptions& options);

  private:
    Status load();
    Status note_inactive_tables();

    struct Pending {
        ClusterRun run;
        FreedBy by;
    };
    bool says_at_open(uint64_t bit) const { return !options_.writable && (header().incompatible & bit) != 0; }
    // Before anything of the image is changed.
    Status begin_change();
    void changed() { metadata_dirty_.store(true, std::memory_order_release); }
    Status make_table_writable(uint64_t guest);
    Status check_place(uint64_t host, uint64_t bytes);
    Status read_run(const Mapping& mapping, uint64_t offset, std::span<uint8_t> into);
    Status read_backing(uint64_t offset, std::span<uint8_t> into);
    Status read_compressed(const Mapping& mapping, uint64_t offset, std::span<uint8_t> into);
    // From this offset on: nothing below it shows through.
    bool reads_zero(const Mapping& mapping, uint64_t offset) const;

    Result<uint64_t> write_some(uint64_t offset, std::span<const uint8_t> from);
    Result<uint64_t> write_new(uint64_t offset, std::span<const uint8_t> from);
    Status write_subclusters(uint64_t offset, std::span<const uint8_t> from);
    struct NewPlace {
        uint64_t host = 0;
        uint64_t count = 0;
        bool reused = false;  // the clusters were there, and ours
    };
    Result<NewPlace> find_place(uint64_t first, uint64_t wanted, const Mapping& mapping);
    Status link(Status written, uint64_t first, const NewPlace& place, const L2Entry& entry);
    Result<uint64_t> needing_clusters(uint64_t first, uint64_t most);
    Status read_edge(uint64_t offset, std::span<uint8_t> into);
    Status fill_and_write(uint64_t offset, std::span<const uint8_t> from, uint64_t first, uint64_t end,
                          uint64_t host);
    Result<uint64_t> edge_bytes_to_fill(uint64_t offset, uint64_t bytes, bool fresh);
    uint64_t whole_end(uint64_t end) const;
    Status zero_part(uint64_t offset, uint64_t bytes);
    Status zero_clusters(uint64_t offset, uint64_t bytes, bool keep);
    Status write_buffer_of_zeroes(uint64_t offset, uint64_t bytes);
    Status discard_clusters(uint64_t offset, uint64_t bytes, FreedBy by);
    // Replaces `count` entries and notes what they used for freeing after the next flush.
    Status replace(uint64_t guest, uint64_t count, const L2Entry& value, uint64_t step, FreedBy by);
    void note_free(uint64_t entry, FreedBy by);
    Status free_pending();
    Status write_tables();
    Status grow_l1(uint64_t entries);
    Status grow(uint64_t size);
    Status shrink(uint64_t size);

    HostFile file_;
    HeaderStore header_;
    MetadataMap metadata_;
    Refcounts refcounts_;
    uint64_t l2_cache_bytes_;
    ClusterMap map_;
    Decompressor decompressor_;
    const OpenOptions options_;
    bool lazy_ = false;
    BackingReader* backing_ = nullptr;
    std::vector<Snapshot> snapshots_;
    std::vector<Pending> pending_;   // in use on the disk until the L2 tables are durable
    std::vector<uint8_t> bounce_;    // for parts of clusters
    uint64_t compressed_entry_ = 0;  // whose bytes decompressed_ has
    std::vector<uint8_t> decompressed_;
    std::atomic<bool> changing_{false};  // begin_change() was done
    std::atomic<bool> metadata_dirty_{false};
};

}  // namespace vmm::qcow2
