// Opening an image: header, tables, snapshots; what makes it writable. See image.h.
#include <algorithm>
#include <cerrno>

#include "backends/block/qcow2/check.h"
#include "backends/block/qcow2/image.h"
#include "util/align.h"
#include "util/endian.h"

namespace vmm::qcow2 {
namespace {

constexpr uint64_t kMostPieceBytes = uint64_t{64} << 10;
constexpr uint64_t kLeastPieces = 2;

uint64_t piece_bytes(const Geometry& g, const OpenOptions& options) {
    uint64_t wanted = options.l2_piece_bytes ? options.l2_piece_bytes : kMostPieceBytes;
    return std::min(wanted, g.cluster_size());
}

// No more than what the whole disk's L2 tables take.
uint64_t l2_cache_for(const Header& h, const OpenOptions& options) {
    uint64_t all = h.geometry.l1_entries_for(h.size) << h.geometry.cluster_bits;
    uint64_t least = kLeastPieces * piece_bytes(h.geometry, options);
    return std::max(std::min(options.l2_cache_bytes, std::max<uint64_t>(all, 1)), least);
}

Result<SnapshotTable> read_snapshots(HostFile& file, const Header& h) {
    if (h.snapshot_count == 0) return SnapshotTable{};
    uint64_t file_size = file.end();
    uint64_t rest = file_size > h.snapshots_offset ? file_size - h.snapshots_offset : 0;
    // Usually a cluster has it; entries of odd sizes make it longer, up to a limit.
    for (uint64_t bytes = std::max<uint64_t>(h.geometry.cluster_size(), uint64_t{h.snapshot_count} * 128);;
         bytes *= 4) {
        bytes = std::min({bytes, rest, kMaxSnapshotTableBytes});
        std::vector<uint8_t> raw(bytes);
        TRY(file.read(h.snapshots_offset, raw));
        auto table = parse_snapshot_table(raw, h.snapshot_count, h.geometry, file_size);
        if (table || bytes == std::min(rest, kMaxSnapshotTableBytes)) return table;
    }
}

}  // namespace

Image::Image(Token, ImageFile& file, Header header, std::span<const uint8_t> first_cluster,
             const OpenOptions& options)
    : file_(file),
      header_(file_, std::move(header), first_cluster, options.writable),
      metadata_(header_.geometry(), options.overlap_check),
      refcounts_(file_, header_, metadata_, options.refcount_cache_bytes),
      l2_cache_bytes_(l2_cache_for(header_.header(), options)),
      map_(file_, header_, metadata_, l2_cache_bytes_, piece_bytes(header_.geometry(), options),
           [this] { return write_tables(); }),
      decompressor_(header_.header().compression),
      options_(options) {
    header_.set_name(options.name);
    header_.set_listener(options.corruption_found);
    metadata_.add(Area::Header, 0, geometry().cluster_size());
}

Image::~Image() = default;

Result<std::unique_ptr<Image>> Image::open(ImageFile& file, const OpenOptions& options) {
    uint64_t size = file.size();
    std::vector<uint8_t> start(std::min(size, kMinHeaderRead));
    TRY(file.read(0, start));
    Geometry g = TRY(probe_header(start));
    std::vector<uint8_t> cluster(g.cluster_size());
    TRY(file.read(0, cluster));
    Header header = TRY(parse_header(cluster, size));
    bool lazy = options.lazy_refcounts.value_or((header.compatible & kLazyRefcountsBit) != 0);
    if (lazy && g.version < 3)
        return Error::make("Lazy refcounts require a qcow2 image with at least qemu 1.1 compatibility level");
    if (options.writable && (header.incompatible & kCorruptBit))
        return Error::from_errno(EACCES, "qcow2: Image is corrupt; cannot be opened read/write")
            .with_hint("it can be opened with read-only=on");
    if (options.writable && (header.incompatible & kDirtyBit)) TRY(repair_dirty_image(file, header, cluster));

    auto image = std::make_unique<Image>(Token(), file, std::move(header), cluster, options);
    image->lazy_ = lazy;
    TRY(image->load());
    return image;
}

Status Image::load() {
    TRY(refcounts_.load());
    TRY(map_.load());
    SnapshotTable table = TRY(read_snapshots(file_, header_.header()));
    snapshots_ = std::move(table.snapshots);
    if (!snapshots_.empty()) metadata_.add(Area::SnapshotTable, header().snapshots_offset, table.bytes);
    for (const Snapshot& snapshot : snapshots_)
        metadata_.add(Area::InactiveL1, snapshot.l1_offset, uint64_t{snapshot.l1_size} * 8);
    return metadata_.checks(Area::InactiveL2) ? note_inactive_tables() : Status();
}

// Only overlap-check=all pays for reading these.
Status Image::note_inactive_tables() {
    for (const Snapshot& snapshot : snapshots_) {
        std::vector<uint8_t> raw(uint64_t{snapshot.l1_size} * 8);
        TRY(file_.read(snapshot.l1_offset, raw));
        for (size_t at = 0; at < raw.size(); at += 8) {
            uint64_t host = load_be<uint64_t>(&raw[at]) & kOffsetMask;
            if (host != 0) metadata_.add(Area::InactiveL2, host, 1);
        }
    }
    return {};
}

Status Image::begin_change() {
    if (header_.corrupt()) return Error::from_errno(EIO, "%s is corrupt", header_.name().c_str());
    if (changing_.load(std::memory_order_relaxed)) return {};
    CHECK(options_.writable, "a read-only qcow2 image is changed");
    // We keep none of the features that these bits promise (bitmaps among them), so the promise goes first.
    if (header().autoclear != 0) TRY(header_.set_autoclear(0));
    if (lazy_) TRY(header_.set_incompatible(header().incompatible | kDirtyBit));
    TRY(file_.sync());
    changing_.store(true, std::memory_order_release);
    return {};
}

}  // namespace vmm::qcow2
