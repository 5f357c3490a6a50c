// FileView: what of a file in memory can be read without asking the kernel. A part of the file that is read
// again and again and has no hole is mapped; a read of it is a copy. A part with holes is not: to read a hole
// through a mapping makes the kernel allocate it. The file may change, shrink or lose pages under the
// mapping: such a read is left to the kernel, which knows what it is to give.
// Threads: forget() from any; the rest on one at a time.
#pragma once

#include <sys/uio.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "util/mmap.h"
#include "util/mutex.h"

namespace vmm::block {

class FileView {
  public:
    static constexpr uint64_t kPartBytes = 2 << 20;
    // Of a larger file nothing is mapped: the table of its parts would not be small.
    static constexpr uint64_t kMostBytes = uint64_t{64} << 30;
    // So often a part is read before it pays to map it.
    static constexpr uint8_t kReadsFirst = 64;

    // Null where copies cannot be guarded (util/guarded_copy.h).
    static std::unique_ptr<FileView> create();

    // Copies what a file of so many bytes has at the offset. False: ask the kernel; some of `to` may be
    // written.
    [[nodiscard]] bool read(int fd, uint64_t file_bytes, uint64_t offset, std::span<const iovec> to);
    // There may be holes now.
    void forget(uint64_t offset, uint64_t bytes);

    uint64_t mapped_bytes() const;

  private:
    static constexpr uint8_t kMapped = 255;  // else: how often it was read
    struct Range {
        uint64_t first = UINT64_MAX, last = 0;
    };

    bool map_part(int fd, uint64_t part);
    bool make_room(uint64_t file_bytes);
    void resized(uint64_t file_bytes);
    void reset_parts(uint64_t first, uint64_t last);
    [[gnu::cold]] void take_forgotten();

    MappedRegion room_;  // for the whole file
    std::vector<uint8_t> parts_;
    uint64_t file_bytes_ = 0;
    bool no_room_ = false;

    std::atomic<bool> some_forgotten_{false};
    Mutex mutex_{LockRank::Leaf, "file view"};
    Range forgotten_ GUARDED_BY(mutex_);  // around all that were
};

}  // namespace vmm::block
