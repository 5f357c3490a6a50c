// DiskTransfer: one disk operation of a guest's command, whatever the bus: it moves bytes between a
// BlockHandle and the guest (a DataPort) in pieces of bounded size, compares, or flushes, discards and
// zeroes. Disks of hw/ata and hw/scsi have one in each command. One thread: that of the handle's loop.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <memory>
#include <span>

#include "backends/block/handle.h"

namespace vmm {

// The guest's side of a command's data. Called on the thread of the transfer, with no lock held.
class DataPort {
  public:
    virtual ~DataPort() = default;
    // To and from the guest, from `at` bytes after the start of the command's data. False: a bus error.
    virtual bool put(uint64_t at, std::span<const uint8_t> from) = 0;
    virtual bool get(uint64_t at, std::span<uint8_t> into) = 0;
};

class DiskTransfer : private block::DiskRequest {
  public:
    enum class End : uint8_t {
        Done,
        DiskError,    // error() is the errno
        GuestMemory,  // the port failed
        Miscompare,
    };
    // Called once, when all is over. It may come from inside the call that started the transfer when the
    // guest's memory fails at once.
    using Ended = void (*)(DiskTransfer&);

    explicit DiskTransfer(Ended ended) : ended_(ended) {}
    DiskTransfer(const DiskTransfer&) = delete;
    DiskTransfer& operator=(const DiskTransfer&) = delete;

    // length > 0, at + length does not wrap. Handle and port outlive the transfer. Flags: block/request.h.
    void read(block::BlockHandle& disk, uint64_t at, uint64_t length, DataPort& port);
    void write(block::BlockHandle& disk, uint64_t at, uint64_t length, DataPort& port, uint8_t flags);
    // Ends with Miscompare where the disk holds something else than the port gives.
    void compare(block::BlockHandle& disk, uint64_t at, uint64_t length, DataPort& port);
    void flush(block::BlockHandle& disk);
    void discard(block::BlockHandle& disk, uint64_t at, uint64_t length);
    void write_zeroes(block::BlockHandle& disk, uint64_t at, uint64_t length, uint8_t flags);

    // Ends it with ECANCELED once the piece that is under way is over.
    void stop() { stopped_ = running_; }
    bool running() const { return running_; }
    End end() const { return end_; }
    int error() const { return error_; }  // a positive errno
    bool reads() const { return kind_ == Kind::Read || kind_ == Kind::Compare; }
    uint64_t moved() const { return moved_; }

  private:
    enum class Kind : uint8_t { Read, Write, Compare, Plain };
    static constexpr uint64_t kMostAtOnce = 1u << 20;

    void begin(Kind kind, block::BlockHandle& disk, uint64_t at, uint64_t length);
    void next_piece();
    void submit_plain(block::Op asked, uint64_t at, uint64_t length, uint8_t with);
    void piece_done();
    bool take_piece();
    void finish(End end, int number = 0);
    void make_room(uint64_t length);
    static void completed(block::DiskRequest& request);

    const Ended ended_;
    block::BlockHandle* disk_ = nullptr;
    DataPort* port_ = nullptr;
    Kind kind_ = Kind::Plain;
    End end_ = End::Done;
    bool running_ = false;
    bool stopped_ = false;
    uint8_t write_flags_ = 0;
    int error_ = 0;
    uint64_t start_ = 0, total_ = 0, moved_ = 0;
    iovec piece_ = {};
    uint64_t room_ = 0;
    std::unique_ptr<uint8_t[]> storage_;
    uint8_t* buffer_ = nullptr;  // in storage_, on a page boundary
};

// Data that is the same block again and again, for WRITE SAME.
class PatternPort final : public DataPort {
  public:
    // pattern.size() > 0; borrowed.
    explicit PatternPort(std::span<const uint8_t> pattern) : pattern_(pattern) {}
    bool put(uint64_t at, std::span<const uint8_t> from) override;
    bool get(uint64_t at, std::span<uint8_t> into) override;

  private:
    std::span<const uint8_t> pattern_;
};

}  // namespace vmm
