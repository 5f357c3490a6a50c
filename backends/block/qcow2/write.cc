// Writing to an image: in place where a cluster is ours alone, else into new clusters with what surrounds the
// new bytes copied (copy on write). Zeroes and discards are in zero.cc. See image.h.
#include <algorithm>
#include <cerrno>
#include <cstring>

#include "backends/block/qcow2/image.h"
#include "util/align.h"

namespace vmm::qcow2 {
namespace {

constexpr uint64_t kMostBounce = uint64_t{1}
                                 << 20;  // larger writes are not copied to be merged with their edges

}  // namespace

bool Image::may_write_in_place(const Mapping& mapping) const {
    return mapping.kind == ClusterKind::Data && mapping.exclusive &&
           changing_.load(std::memory_order_acquire) && !header_.corrupt() &&
           !metadata_.find(mapping.host, mapping.bytes);
}

Status Image::check_place(uint64_t host, uint64_t bytes) {
    if (auto area = metadata_.find(host, bytes))
        return header_.report_corruption("Preventing invalid write on metadata (overlaps with %s)",
                                         area_name(*area).data());
    return {};
}

Status Image::write(uint64_t offset, std::span<const uint8_t> from) {
    TRY(begin_change());
    while (!from.empty()) {
        uint64_t done = TRY(write_some(offset, from));
        offset += done;
        from = from.subspan(done);
    }
    return {};
}

Result<uint64_t> Image::write_some(uint64_t offset, std::span<const uint8_t> from) {
    TRY(make_table_writable(offset));
    Mapping mapping = TRY(map_.lookup(offset, from.size()));
    if (mapping.kind != ClusterKind::Data || !mapping.exclusive) return write_new(offset, from);
    TRY(check_place(mapping.host, mapping.bytes));
    TRY(file_.write(mapping.host, from.first(mapping.bytes)));
    return mapping.bytes;
}

// The L2 table for this offset, made or copied when it is missing or shared with a snapshot.
Status Image::make_table_writable(uint64_t guest) {
    if (map_.table_writable(guest)) return {};
    uint64_t old = map_.table_at(guest);
    ClusterRun run = TRY(refcounts_.allocate(1));
    changed();
    if (Status made = map_.set_table(guest, run.first << geometry().cluster_bits); !made) {
        if (Status back = refcounts_.release(run); !back) return back;
        return made;
    }
    if (old != 0) pending_.push_back({{old >> geometry().cluster_bits, 1}, FreedBy::Other});
    return {};
}

// How many clusters from here on need a new place: of one piece of the L2 table, `most` at most.
Result<uint64_t> Image::needing_clusters(uint64_t first, uint64_t most) {
    most = std::min(most, map_.clusters_left_in_piece(first));
    uint64_t count = 0;
    while (count < most) {
        uint64_t at = first + (count << geometry().cluster_bits);
        Mapping m = TRY(map_.lookup(at, (most - count) << geometry().cluster_bits));
        if (m.exclusive && host_of(m.entry) != 0) break;
        count += geometry().extended_l2 ? 1 : geometry().clusters_for(m.bytes);
    }
    return count;
}

// Writes to clusters that are not in place yet: new ones, or allocated ones that read as something else.
Result<uint64_t> Image::write_new(uint64_t offset, std::span<const uint8_t> from) {
    const Geometry& g = geometry();
    uint64_t first = g.cluster_start(offset);
    bool whole = offset == first && from.size() >= g.cluster_size();
    if (g.extended_l2 && !whole) {
        uint64_t here = std::min<uint64_t>(from.size(), first + g.cluster_size() - offset);
        TRY(write_subclusters(offset, from.first(here)));
        return here;
    }
    // Clusters without subclusters are filled, so the last may be written in part.
    uint64_t wanted = g.extended_l2 ? from.size() >> g.cluster_bits
                                    : g.clusters_for(offset + from.size()) - (first >> g.cluster_bits);
    Mapping mapping = TRY(map_.lookup(first, wanted << g.cluster_bits));
    NewPlace place = TRY(find_place(first, wanted, mapping));
    uint64_t end = first + (place.count << g.cluster_bits);
    uint64_t bytes = std::min<uint64_t>(from.size(), end - offset);
    Status done = fill_and_write(offset, from.first(bytes), first, end, place.host);
    TRY(link(std::move(done), first, place, data_entry(g, place.host)));
    return bytes;
}

// Inside one cluster: only the subclusters that are touched are filled, where the others stay what they are.
Status Image::write_subclusters(uint64_t offset, std::span<const uint8_t> from) {
    const Geometry& g = geometry();
    uint64_t first = g.cluster_start(offset), stop = offset + from.size();
    Mapping mapping = TRY(map_.lookup(first, g.cluster_size()));
    bool compressed = mapping.kind == ClusterKind::Compressed;
    bool others_stay = !compressed && (mapping.exclusive || host_of(mapping.entry) == 0);
    uint64_t low = others_stay ? align_down(offset, g.unit_size()) : first;
    uint64_t high = others_stay ? align_up(stop, g.unit_size()) : first + g.cluster_size();
    NewPlace place = TRY(find_place(first, 1, mapping));
    Status done = fill_and_write(offset, from, low, high, place.host + (low - first));
    L2Entry entry = data_entry(g, place.host);
    if (others_stay) {
        uint64_t touched = ((uint64_t{1} << ((high - low) / g.unit_size())) - 1)
                           << ((low - first) / g.unit_size());
        entry.subclusters = (mapping.subclusters & ~(touched | touched << kSubclusters)) | touched;
    }
    return link(std::move(done), first, place, entry);
}

// Host clusters for guest clusters that have none of their own; or the ones they have, which nothing reads.
Result<Image::NewPlace> Image::find_place(uint64_t first, uint64_t wanted, const Mapping& mapping) {
    const Geometry& g = geometry();
    NewPlace place;
    place.reused = mapping.exclusive && host_of(mapping.entry) != 0;
    if (place.reused) {
        place.host = host_of(mapping.entry);
        place.count = g.extended_l2 ? 1 : g.clusters_for(mapping.bytes);
        TRY(check_place(place.host, place.count << g.cluster_bits));
    } else {
        ClusterRun run = TRY(refcounts_.allocate(TRY(needing_clusters(first, wanted))));
        place.host = run.first << g.cluster_bits;
        place.count = run.count;
    }
    changed();
    return place;
}

// After the bytes are there: the entries point to them. When something failed, the new clusters are free
// again.
Status Image::link(Status written, uint64_t first, const NewPlace& place, const L2Entry& entry) {
    uint64_t step = geometry().cluster_size();
    if (written && place.reused) return map_.set_entries(first, place.count, entry, step);
    if (written) written = replace(first, place.count, entry, step, FreedBy::Other);
    if (!written && !place.reused && !header_.corrupt())
        TRY(refcounts_.release({place.host >> geometry().cluster_bits, place.count}));
    return written;
}

// The bytes next to a write, inside one cluster, that have to be written with it; 0 when the new place has
// them already, because it reads as zeroes.
Result<uint64_t> Image::edge_bytes_to_fill(uint64_t offset, uint64_t bytes, bool fresh) {
    if (bytes == 0 || !fresh) return bytes;
    if (offset >= size()) return uint64_t{0};
    Mapping m = TRY(map_.lookup(offset, bytes));
    return m.bytes == bytes && reads_zero(m, offset) ? 0 : bytes;
}

// What the guest reads, and zeroes behind the end of the disk.
Status Image::read_edge(uint64_t offset, std::span<uint8_t> into) {
    uint64_t there = offset < size() ? std::min<uint64_t>(into.size(), size() - offset) : 0;
    if (there > 0) TRY(read(offset, into.first(there)));
    auto rest = into.subspan(there);
    std::fill(rest.begin(), rest.end(), uint8_t{0});
    return {};
}

// Writes the bytes and their surroundings [first, end) to the new place of these clusters.
Status Image::fill_and_write(uint64_t offset, std::span<const uint8_t> from, uint64_t first, uint64_t end,
                             uint64_t host) {
    uint64_t stop = offset + from.size();
    bool fresh = host >= file_.end();
    uint64_t head = TRY(edge_bytes_to_fill(first, offset - first, fresh));
    uint64_t tail = TRY(edge_bytes_to_fill(stop, end - stop, fresh));
    if (head + tail == 0) return file_.write(host + (offset - first), from);
    bool merge = head + from.size() + tail <= kMostBounce;
    bounce_.resize(merge ? head + from.size() + tail : std::max(head, tail));
    if (!merge) {
        TRY(read_edge(first, {bounce_.data(), head}));
        if (head > 0) TRY(file_.write(host, {bounce_.data(), head}));
        TRY(file_.write(host + (offset - first), from));
        TRY(read_edge(stop, {bounce_.data(), tail}));
        return tail > 0 ? file_.write(host + (stop - first), {bounce_.data(), tail}) : Status();
    }
    TRY(read_edge(first, {bounce_.data(), head}));
    std::memcpy(bounce_.data() + head, from.data(), from.size());
    TRY(read_edge(stop, {bounce_.data() + head + from.size(), tail}));
    return file_.write(host + (offset - first) - head, bounce_);
}

Status Image::replace(uint64_t guest, uint64_t count, const L2Entry& value, uint64_t step, FreedBy by) {
    std::vector<uint64_t> old(count);
    for (uint64_t i = 0; i < count; ++i)
        old[i] = TRY(map_.lookup(guest + (i << geometry().cluster_bits), 1)).entry;
    TRY(map_.set_entries(guest, count, value, step));
    changed();
    // Noted only now: set_entries() may have freed everything noted before.
    for (uint64_t one : old)
        note_free(one, by);
    constexpr size_t kMostPending = 4096;
    return pending_.size() > kMostPending ? write_tables() : Status();
}

void Image::note_free(uint64_t entry, FreedBy by) {
    ClusterRun run;
    ClusterKind kind = kind_of(entry, geometry());
    if (has_host_cluster(kind)) {
        run = {(entry & kOffsetMask) >> geometry().cluster_bits, 1};
    } else if (kind == ClusterKind::Compressed) {
        CompressedExtent extent = compressed_extent(entry, geometry());
        run.first = extent.offset >> geometry().cluster_bits;
        run.count = ((extent.offset + extent.bytes - 1) >> geometry().cluster_bits) - run.first + 1;
    } else {
        return;
    }
    if (!pending_.empty() && pending_.back().by == by && kind != ClusterKind::Compressed) {
        ClusterRun& last = pending_.back().run;
        if (last.first + last.count == run.first) {
            ++last.count;
            return;
        }
    }
    pending_.push_back({run, by});
}

Status Image::write_buffer_of_zeroes(uint64_t offset, uint64_t bytes) {
    std::vector<uint8_t> zeroes(std::min(bytes, kMostBounce));
    while (bytes > 0) {
        uint64_t step = std::min<uint64_t>(bytes, zeroes.size());
        TRY(write(offset, {zeroes.data(), step}));
        offset += step;
        bytes -= step;
    }
    return {};
}

}  // namespace vmm::qcow2
