// Pieces of a transfer, one after the other; see disk_transfer.h.
#include "hw/block/disk_transfer.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <vector>

#include "util/align.h"
#include "util/check.h"

namespace vmm {

void DiskTransfer::begin(Kind kind, block::BlockHandle& disk, uint64_t at, uint64_t length) {
    CHECK(!running_, "a disk transfer is started while it runs");
    running_ = true;
    stopped_ = false;
    kind_ = kind;
    disk_ = &disk;
    end_ = End::Done;
    error_ = 0;
    start_ = at;
    total_ = length;
    moved_ = 0;
    complete = completed;
}

void DiskTransfer::read(block::BlockHandle& disk, uint64_t at, uint64_t length, DataPort& port) {
    begin(Kind::Read, disk, at, length);
    port_ = &port;
    next_piece();
}

void DiskTransfer::write(block::BlockHandle& disk, uint64_t at, uint64_t length, DataPort& port,
                         uint8_t with) {
    begin(Kind::Write, disk, at, length);
    port_ = &port;
    write_flags_ = with;
    next_piece();
}

void DiskTransfer::compare(block::BlockHandle& disk, uint64_t at, uint64_t length, DataPort& port) {
    begin(Kind::Compare, disk, at, length);
    port_ = &port;
    next_piece();
}

void DiskTransfer::flush(block::BlockHandle& disk) {
    begin(Kind::Plain, disk, 0, 0);
    submit_plain(block::Op::Flush, 0, 0, 0);
}

void DiskTransfer::discard(block::BlockHandle& disk, uint64_t at, uint64_t length) {
    begin(Kind::Plain, disk, at, length);
    submit_plain(block::Op::Discard, at, length, 0);
}

void DiskTransfer::write_zeroes(block::BlockHandle& disk, uint64_t at, uint64_t length, uint8_t with) {
    begin(Kind::Plain, disk, at, length);
    submit_plain(block::Op::WriteZeroes, at, length, with);
}

void DiskTransfer::submit_plain(block::Op asked, uint64_t at, uint64_t length, uint8_t with) {
    op = asked;
    flags = with;
    offset = at;
    bytes = length;
    iov = {};
    disk_->submit(*this);
}

void DiskTransfer::make_room(uint64_t length) {
    if (length <= room_) return;
    room_ = align_up(length, kPageSize);
    storage_ = std::make_unique_for_overwrite<uint8_t[]>(room_ + kPageSize);
    const auto address = std::bit_cast<uintptr_t>(storage_.get());
    buffer_ = storage_.get() + (align_up(address, kPageSize) - address);
}

void DiskTransfer::next_piece() {
    const uint64_t length = std::min(total_ - moved_, kMostAtOnce);
    make_room(length);
    piece_ = {buffer_, length};
    if (kind_ == Kind::Write && !port_->get(moved_, {buffer_, length})) return finish(End::GuestMemory);
    op = kind_ == Kind::Write ? block::Op::Write : block::Op::Read;
    flags = kind_ == Kind::Write ? write_flags_ : uint8_t{0};
    offset = start_ + moved_;
    bytes = length;
    iov = {&piece_, 1};
    disk_->submit(*this);
}

// What was read goes to the guest, or is compared. False: the transfer is over.
bool DiskTransfer::take_piece() {
    const std::span<const uint8_t> got(buffer_, piece_.iov_len);
    if (kind_ == Kind::Read && !port_->put(moved_, got)) {
        finish(End::GuestMemory);
        return false;
    }
    if (kind_ == Kind::Compare) {
        std::vector<uint8_t> wanted(got.size());
        const bool readable = port_->get(moved_, wanted);
        if (!readable || !std::equal(got.begin(), got.end(), wanted.begin())) {
            finish(readable ? End::Miscompare : End::GuestMemory);
            return false;
        }
    }
    return true;
}

void DiskTransfer::piece_done() {
    if (result != 0) return finish(End::DiskError, -result);
    if (stopped_) return finish(End::DiskError, ECANCELED);
    if (kind_ == Kind::Plain) {
        moved_ = total_;
        return finish(End::Done);
    }
    if (!take_piece()) return;
    moved_ += piece_.iov_len;
    if (moved_ == total_) return finish(End::Done);
    next_piece();
}

void DiskTransfer::finish(End end, int number) {
    end_ = end;
    error_ = number;
    running_ = false;
    ended_(*this);
}

void DiskTransfer::completed(block::DiskRequest& request) {
    static_cast<DiskTransfer&>(request).piece_done();
}

bool PatternPort::put(uint64_t, std::span<const uint8_t>) {
    return false;
}

bool PatternPort::get(uint64_t at, std::span<uint8_t> into) {
    for (size_t done = 0; done < into.size();) {
        const size_t from = (at + done) % pattern_.size();
        const size_t length = std::min(into.size() - done, pattern_.size() - from);
        std::memcpy(&into[done], &pattern_[from], length);
        done += length;
    }
    return true;
}

}  // namespace vmm
