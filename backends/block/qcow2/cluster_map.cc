#include "backends/block/qcow2/cluster_map.h"

#include <algorithm>
#include <cerrno>

#include "util/align.h"
#include "util/endian.h"

namespace vmm::qcow2 {
namespace {

unsigned long long ull(uint64_t n) {
    return n;
}

}  // namespace

ClusterMap::ClusterMap(HostFile& file, HeaderStore& header, MetadataMap& metadata, uint64_t cache_bytes,
                       uint64_t piece_bytes, std::function<Status()> make_room)
    : file_(file),
      header_(header),
      metadata_(metadata),
      make_room_(std::move(make_room)),
      cache_(piece_bytes, static_cast<size_t>(cache_bytes / piece_bytes)) {}

Status ClusterMap::load() {
    const Header& h = header_.header();
    std::vector<uint8_t> raw(uint64_t{h.l1_size} * 8);
    TRY(file_.read(h.l1_offset, raw));
    std::vector<uint64_t> table(h.l1_size);
    metadata_.add(Area::ActiveL1, h.l1_offset, raw.size());
    for (size_t i = 0; i < table.size(); ++i) {
        table[i] = load_be<uint64_t>(&raw[i * 8]);
        if (!l1_entry_valid(table[i], geometry()))
            return Error::from_errno(EINVAL, "L1 table entry %zu (0x%llx) is invalid", i, ull(table[i]));
        uint64_t host = table[i] & kOffsetMask;
        if (host == 0) continue;
        if (auto area = metadata_.at_cluster(host >> geometry().cluster_bits))
            return Error::from_errno(EINVAL, "L2 table %zu lies on the %s", i, area_name(*area).data());
        metadata_.add(Area::ActiveL2, host, geometry().cluster_size());
    }
    Locked lock(mutex_);
    l1_ = std::move(table);
    return {};
}

uint64_t ClusterMap::piece_offset(uint64_t guest, uint64_t table) const {
    return table +
           align_down(geometry().l2_index(guest) << geometry().l2_entry_shift(), cache_.piece_bytes());
}

uint64_t ClusterMap::index_in_piece(uint64_t guest) const {
    return geometry().l2_index(guest) & (entries_per_piece() - 1);
}

static L2Entry entry_at(const Geometry& g, const uint8_t* piece, uint64_t index) {
    const uint8_t* at = piece + (index << g.l2_entry_shift());
    return {load_be<uint64_t>(at), g.extended_l2 ? load_be<uint64_t>(at + 8) : 0};
}

Mapping ClusterMap::run_at(const uint8_t* piece, uint64_t guest, uint64_t bytes) const {
    const Geometry& g = geometry();
    uint64_t index = index_in_piece(guest), unit = g.unit_size();
    auto sub = static_cast<unsigned>(g.in_cluster(guest) / unit);
    L2Entry e = entry_at(g, piece, index);
    Mapping m;
    m.entry = e.entry;
    m.subclusters = e.subclusters;
    m.kind = subcluster_kind(e, sub, g);
    m.exclusive = (e.entry & kCopied) != 0;
    uint64_t start = host_of(e.entry);
    if (has_host_cluster(m.kind)) m.host = start + g.in_cluster(guest);
    m.bytes = unit - (guest & (unit - 1));
    if (m.kind == ClusterKind::Compressed || m.kind == ClusterKind::Invalid) {
        m.bytes = std::min(bytes, g.cluster_size() - g.in_cluster(guest));
        return m;
    }
    for (uint64_t i = 0; m.bytes < bytes; m.bytes += unit) {
        if (++sub >= g.units()) {
            sub = 0;
            if (index + ++i >= entries_per_piece()) break;
            e = entry_at(g, piece, index + i);
            bool joins =
                host_of(e.entry) == start + i * g.cluster_size() && ((e.entry & kCopied) != 0) == m.exclusive;
            if (has_host_cluster(m.kind) && !joins) break;
        }
        if (subcluster_kind(e, sub, g) != m.kind) break;
    }
    m.bytes = std::min(m.bytes, bytes);
    return m;
}

// What an L1 entry without a table says: everything to its end is unallocated.
static Mapping nothing_here(const Geometry& g, uint64_t guest, uint64_t bytes) {
    uint64_t reach = uint64_t{1} << g.l1_shift();
    Mapping m;
    m.bytes = std::min(bytes, reach - (guest & (reach - 1)));
    return m;
}

std::optional<Mapping> ClusterMap::peek(uint64_t offset, uint64_t bytes) const {
    Locked lock(mutex_);
    uint64_t index = geometry().l1_index(offset);
    if (index >= l1_.size()) return std::nullopt;
    uint64_t table = l1_[index] & kOffsetMask;
    if (table == 0) return nothing_here(geometry(), offset, bytes);
    const uint8_t* piece = cache_.find(piece_offset(offset, table));
    if (!piece) return std::nullopt;
    return run_at(piece, offset, bytes);
}

bool ClusterMap::enter(InFlight& request, uint64_t offset, uint64_t bytes) {
    request.first = offset >> geometry().cluster_bits;
    request.last = (offset + bytes - 1) >> geometry().cluster_bits;
    Locked lock(mutex_);
    if (excluding_ && request.first <= excluded_last_ && excluded_first_ <= request.last) return false;
    request.previous = nullptr;
    request.next = inside_;
    if (inside_) inside_->previous = &request;
    inside_ = &request;
    return true;
}

void ClusterMap::leave(InFlight& request) {
    bool waited_for = false;
    {
        Locked lock(mutex_);
        (request.previous ? request.previous->next : inside_) = request.next;
        if (request.next) request.next->previous = request.previous;
        waited_for = excluding_;
    }
    if (waited_for) left_.notify_all();
}

void ClusterMap::exclude(uint64_t offset, uint64_t bytes) {
    Locked lock(mutex_);
    CHECK(!excluding_, "two ranges excluded at once");
    excluding_ = true;
    excluded_first_ = offset >> geometry().cluster_bits;
    excluded_last_ = (offset + bytes - 1) >> geometry().cluster_bits;
    auto somebody = [this] {
        for (InFlight* one = inside_; one; one = one->next)
            if (one->first <= excluded_last_ && excluded_first_ <= one->last) return true;
        return false;
    };
    while (somebody())
        left_.wait(mutex_);
}

void ClusterMap::release() {
    Locked lock(mutex_);
    excluding_ = false;
}

Result<uint8_t*> ClusterMap::load_piece(uint64_t piece) {
    TableCache::Buffer buffer;
    {
        Locked lock(mutex_);
        if (uint8_t* here = cache_.find(piece)) return here;
        buffer = cache_.spare();
    }
    if (!buffer) {
        TRY(make_room_());
        Locked lock(mutex_);
        buffer = cache_.spare();
        CHECK(buffer != nullptr, "no room in the L2 cache after it was written");
    }
    Status read = file_.read(piece, {buffer.get(), cache_.piece_bytes()});
    Locked lock(mutex_);
    if (!read) {
        cache_.give_back(std::move(buffer));
        return std::move(read).take_error();
    }
    return cache_.insert(piece, std::move(buffer));
}

Result<Mapping> ClusterMap::lookup(uint64_t offset, uint64_t bytes) {
    uint64_t table = table_at(offset);
    if (table == 0) return nothing_here(geometry(), offset, bytes);
    const uint8_t* piece = TRY(load_piece(piece_offset(offset, table)));
    Mapping m = run_at(piece, offset, bytes);
    if (m.kind == ClusterKind::Invalid)
        return header_.report_corruption("L2 entry 0x%llx of guest offset 0x%llx is invalid", ull(m.entry),
                                         ull(offset));
    return m;
}

// What a whole cluster of subclusters comes to.
static ClusterKind summary(const L2Entry& e, const Geometry& g) {
    ClusterKind whole = kind_of(e.entry, g);
    if (whole == ClusterKind::Compressed || whole == ClusterKind::Invalid) return whole;
    if (!subclusters_valid(e, g)) return ClusterKind::Invalid;
    bool host = whole == ClusterKind::Data;
    if (e.subclusters == kAllZero) return host ? ClusterKind::ZeroAllocated : ClusterKind::Zero;
    return !host && e.subclusters == 0 ? ClusterKind::Unallocated : ClusterKind::Data;
}

Result<Mapping> ClusterMap::lookup_whole(uint64_t offset, uint64_t bytes) {
    Mapping m = TRY(lookup(offset, bytes));
    if (!geometry().extended_l2 || table_at(offset) == 0) return m;
    m.kind = summary({m.entry, m.subclusters}, geometry());
    if (m.kind == ClusterKind::Invalid)
        return header_.report_corruption("the subclusters of guest offset 0x%llx are invalid", ull(offset));
    m.host = host_of(m.entry);
    m.bytes = std::min(bytes, geometry().cluster_size());
    return m;
}

uint64_t ClusterMap::clusters_left_in_piece(uint64_t guest) const {
    return entries_per_piece() - index_in_piece(guest);
}
uint64_t ClusterMap::table_at(uint64_t offset) const {
    uint64_t index = geometry().l1_index(offset);
    return index < l1_.size() ? l1_[index] & kOffsetMask : 0;
}

bool ClusterMap::table_writable(uint64_t offset) const {
    return (l1_[geometry().l1_index(offset)] & kCopied) != 0;
}

Status ClusterMap::set_table(uint64_t guest, uint64_t host) {
    uint64_t old = table_at(guest);
    std::vector<uint8_t> bytes(geometry().cluster_size());
    // A table that is shared was never changed in the cache, so the file has all of it.
    if (old != 0) TRY(file_.read(old, bytes));
    forget(host, bytes.size());
    TRY(file_.write(host, bytes));
    uint64_t index = geometry().l1_index(guest);
    if (old != 0) {
        // A snapshot has it still.
        metadata_.remove(old, geometry().cluster_size());
        metadata_.add(Area::InactiveL2, old, geometry().cluster_size());
    }
    metadata_.add(Area::ActiveL2, host, geometry().cluster_size());
    changed_l1_.insert(index);
    Locked lock(mutex_);
    l1_[index] = host | kCopied;
    return {};
}

Status ClusterMap::set_entries(uint64_t guest, uint64_t count, const L2Entry& value, uint64_t step) {
    CHECK(table_writable(guest), "an entry of a shared L2 table is changed");
    uint64_t offset = piece_offset(guest, table_at(guest));
    uint8_t* piece = TRY(load_piece(offset));
    uint64_t index = index_in_piece(guest);
    unsigned shift = geometry().l2_entry_shift();
    CHECK(index + count <= entries_per_piece(), "entries of two pieces are changed at once");
    Locked lock(mutex_);
    for (uint64_t i = 0; i < count; ++i) {
        uint8_t* at = piece + ((index + i) << shift);
        store_be<uint64_t>(at, value.entry + i * step);
        if (geometry().extended_l2) store_be<uint64_t>(at + 8, value.subclusters);
    }
    cache_.mark(offset, index << shift, ((index + count) << shift) - 1);
    return {};
}

Status ClusterMap::write_l1() {
    constexpr uint64_t kPerSector = kSectorSize / 8;
    while (!changed_l1_.empty()) {
        uint64_t first = *changed_l1_.begin() & ~(kPerSector - 1);
        // The table's clusters are ours to their end: a sector never reaches into something else.
        uint8_t sector[kSectorSize] = {};
        for (uint64_t i = 0; i < kPerSector && first + i < l1_.size(); ++i)
            store_be<uint64_t>(sector + i * 8, l1_[first + i]);
        TRY(file_.write(header_.header().l1_offset + first * 8, sector));
        changed_l1_.erase(changed_l1_.begin(), changed_l1_.lower_bound(first + kPerSector));
    }
    return {};
}

void ClusterMap::forget(uint64_t host, uint64_t bytes) {
    Locked lock(mutex_);
    cache_.drop(host, bytes);
}

void ClusterMap::resize_l1(uint64_t entries) {
    Locked lock(mutex_);
    l1_.resize(entries);
}

std::vector<uint64_t> ClusterMap::l1() const {
    return l1_;
}

}  // namespace vmm::qcow2
