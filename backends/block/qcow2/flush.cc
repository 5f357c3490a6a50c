// The order of writes. Whatever is lost in a crash, what is on the disk refers only to things that are there:
//   1. refcount blocks (with the guest's data, which was written before)        sync
//   2. the refcount table's entries for new blocks                              sync
//   3. L2 tables, and the L1 entries for new ones                               sync
//      (a new L2 table was written whole when it was made, so before the sync of steps 1 and 2: whichever of
//      these writes is lost, the table is at least what it was then)
//   4. now nothing on the disk refers to the clusters that were replaced: their refcounts fall, in memory;
//   the next
//      flush or the closing writes them, until then a crash leaks them.
// A step with nothing to write costs nothing. With lazy refcounts 1 and 2 wait for the closing, under the
// dirty bit. See image.h.
#include "backends/block/qcow2/image.h"

namespace vmm::qcow2 {

Status Image::flush() {
    TRY(write_tables());
    return file_.sync();
}

Status Image::write_tables() {
    if (!metadata_dirty_.load(std::memory_order_relaxed)) return {};
    if (header_.corrupt()) return Error::from_errno(EIO, "%s is corrupt", header_.name().c_str());
    if (!lazy_) {
        TRY(refcounts_.write_blocks());
        if (refcounts_.table_dirty()) {
            TRY(file_.sync());
            TRY(refcounts_.write_table());
        }
    }
    TRY(file_.sync());
    TRY(map_.write_pieces());
    TRY(map_.write_l1());
    TRY(file_.sync());
    TRY(free_pending());
    metadata_dirty_.store(false, std::memory_order_release);
    return {};
}

Status Image::free_pending() {
    std::vector<Pending> pending;
    pending.swap(pending_);
    for (const Pending& one : pending) {
        TRY(refcounts_.release(one.run));
        bool tell = one.by == FreedBy::Request ? options_.pass_discard_request : options_.pass_discard_other;
        ClusterRun rest = one.run;
        for (;;) {
            ClusterRun free = TRY(refcounts_.first_free_in(rest));
            if (free.count == 0) break;
            uint64_t host = free.first << geometry().cluster_bits,
                     bytes = free.count << geometry().cluster_bits;
            map_.forget(host, bytes);
            // Advice; a file that cannot does without.
            if (tell) (void)static_cast<bool>(file_.discard(host, bytes));
            uint64_t end = rest.first + rest.count;
            rest.first = free.first + free.count;
            rest.count = end - rest.first;
        }
    }
    return {};
}

Status Image::close() {
    if (!changing_.load(std::memory_order_relaxed) || header_.corrupt()) return {};
    TRY(flush());
    TRY(refcounts_.write_blocks());
    TRY(file_.sync());
    TRY(refcounts_.write_table());
    TRY(file_.sync());
    if (header().incompatible & kDirtyBit) TRY(header_.set_incompatible(header().incompatible & ~kDirtyBit));
    TRY(file_.sync());
    changing_.store(false, std::memory_order_release);
    return {};
}

}  // namespace vmm::qcow2
