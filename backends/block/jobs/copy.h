// What jobs share that copy between nodes: what a chain of images has at an offset, ranges that one copies
// while others wait, pieces of a disk that are still to be copied. Any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "backends/block/node.h"
#include "util/mmap.h"
#include "util/mutex.h"

namespace vmm::block {

// The run of bytes from the offset on that is alike in the images from `top` down to, and without, `base`
// (null: to the end of the chain). own: one of them has it; zero: and it reads as zeroes.
struct ChainExtent {
    bool own = false;
    bool zero = false;
    uint64_t bytes = 0;
};
Result<ChainExtent> chain_extent(Node& top, const Node* base, uint64_t offset, uint64_t bytes);
// What lies below the image that this node is, or is a filter over; null: nothing.
Node* backing_of(const Node& node);

// One user at a time of any byte. Not a mutex: held over I/O.
class RangeLock {
  public:
    class Held {
      public:
        Held(RangeLock& lock, uint64_t first, uint64_t bytes);
        ~Held();
        Held(const Held&) = delete;
        Held& operator=(const Held&) = delete;

      private:
        friend class RangeLock;
        RangeLock& lock_;
        const uint64_t first_, end_;
        Held* next_ = nullptr;
    };

  private:
    Mutex mutex_{LockRank::Leaf, "copied range"};
    Condition free_;
    Held* held_ GUARDED_BY(mutex_) = nullptr;
};

// A bit for each piece of a disk.
class PieceMap {
  public:
    // piece_bytes is a power of two.
    PieceMap(uint64_t size, uint64_t piece_bytes);
    uint64_t piece_bytes() const { return piece_bytes_; }
    uint64_t size() const { return size_; }
    // Of every piece that the range touches.
    void set(uint64_t offset, uint64_t bytes);
    bool clear(uint64_t offset);  // true: it was set
    bool test(uint64_t offset) const;
    bool all_set(uint64_t offset, uint64_t bytes) const;
    // Bytes in pieces that are set, the last piece as a whole.
    uint64_t set_bytes() const { return count_.load(std::memory_order_relaxed) * piece_bytes_; }
    bool none() const { return count_.load() == 0; }
    // The first set piece at or after the offset, going round at the end; `size()`: none.
    uint64_t next_set(uint64_t from) const;

  private:
    uint64_t find(uint64_t first, uint64_t end) const;
    const uint64_t size_, piece_bytes_, pieces_;
    std::vector<std::atomic<uint64_t>> words_;
    std::atomic<uint64_t> count_{0};
};

// Copies bytes from one node to another through a buffer of its own.
class Copier {
  public:
    static constexpr uint64_t kMostAtOnce = uint64_t{1} << 20;
    // Whether zeroes that are known to be ones are written as such, or as bytes.
    enum class Zeroes : uint8_t { AsZeroes, AsBytes };
    static Result<std::unique_ptr<Copier>> create(Node& from, Node& to, Zeroes zeroes);
    Copier(Node& from, Node& to, Zeroes zeroes, MappedRegion buffer)
        : from_(from), to_(to), zeroes_(zeroes), buffer_(std::move(buffer)) {}

    // The range (not past the end of the source). One thread at a time. `read` tells which side an error is
    // of.
    Status copy(uint64_t offset, uint64_t bytes, bool& read);

  private:
    Node& from_;
    Node& to_;
    const Zeroes zeroes_;
    MappedRegion buffer_;
};

}  // namespace vmm::block
