// TableCache: pieces of L2 tables or refcount blocks in memory, by their offset in the file, with what was
// changed in each. It does no I/O but write_back(): the user reads a piece into a spare buffer and inserts
// it, and orders writing (flush.cc). Not thread-safe; the L2 cache's users share a
// mutex (cluster_map.h).
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "backends/block/qcow2/image_file.h"
#include "util/result.h"

namespace vmm::qcow2 {

class TableCache {
  public:
    using Buffer = std::unique_ptr<uint8_t[]>;

    // Pieces of `piece_bytes` (a power of two, >= 512), aligned to their size; at most `most` of them (>= 2).
    TableCache(uint64_t piece_bytes, size_t most);

    uint64_t piece_bytes() const { return piece_bytes_; }
    uint64_t piece_of(uint64_t offset) const { return offset & ~(piece_bytes_ - 1); }
    // The piece at this offset, null when it is not here. The pointer is good until the next insert or drop.
    uint8_t* find(uint64_t piece);
    // A buffer to read a piece into, for insert() or give_back(). Null when every piece is changed: write
    // back first.
    Buffer spare();
    void give_back(Buffer buffer) { spares_.push_back(std::move(buffer)); }
    uint8_t* insert(uint64_t piece, Buffer buffer);
    // Bytes [first, last] of the piece were changed.
    void mark(uint64_t piece, uint64_t first, uint64_t last);
    // Writes what was changed; what fails to be written stays changed. Does not sync.
    Status write_back(HostFile& file);
    // Forgets pieces in the range, changed or not.
    void drop(uint64_t offset, uint64_t bytes);

  private:
    struct Slot {
        uint64_t piece = kNone;
        Buffer buffer;
        bool used = false;  // since the clock's hand passed
        uint64_t first = 0, last = 0;
        bool dirty = false;
    };
    static constexpr uint64_t kNone = ~uint64_t{0};
    void clean(Slot& slot);

    const uint64_t piece_bytes_;
    const size_t most_;
    std::vector<Slot> slots_;
    std::unordered_map<uint64_t, size_t> index_;
    std::vector<Buffer> spares_;
    size_t hand_ = 0;
    size_t buffers_ = 0;  // made so far
    size_t dirty_count_ = 0;
};

}  // namespace vmm::qcow2
