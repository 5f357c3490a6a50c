// RamBlock: a piece of guest memory on the host - the mapping that is its shared side, and, for VMs with
// private memory, the guest_memfd that is its private side. It is made whole and does not change size. It
// frees pages of either side by the right call for its kind; who decides that pages go is conversion.h (and
// nobody else while a guest runs). Thread-safe.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "system/memory/address.h"
#include "system/memory/attributes.h"
#include "system/memory/gmem.h"
#include "util/align.h"
#include "util/fd.h"
#include "util/mmap.h"
#include "util/mutex.h"
#include "util/result.h"

namespace vmm {

// How the mapping relates to what it maps: MAP_PRIVATE or MAP_SHARED.
enum class RamSharing { Private, Shared };

class RamBlock {
  public:
    struct Config {
        std::string id;               // unique in a RamRegistry; "pc.ram", a backend's id
        MappedRegion mapping;         // owned; or
        std::span<uint8_t> borrowed;  // memory that outlives the block, when there is no mapping
        Fd fd;                        // what is mapped; none for anonymous memory
        uint64_t fd_offset = 0;       // of the mapping's first byte in fd
        RamSharing sharing = RamSharing::Private;
        uint64_t page_size = kPageSize;  // of the host memory: hugetlb pages are larger
        bool readonly = false;           // the host may not write it either
        // A mappable one is what `mapping` maps; any other is the private side beside the mapping.
        std::unique_ptr<Gmem> gmem = {};
        // What every page is at start and after a reset; Private needs a private side.
        Visibility initial = Visibility::Shared;
    };
    explicit RamBlock(Config config);
    // Zeroed memory of a device's own: ROM images, video memory.
    static Result<std::unique_ptr<RamBlock>> anonymous(std::string id, uint64_t size);

    RamBlock(const RamBlock&) = delete;
    RamBlock& operator=(const RamBlock&) = delete;

    const std::string& id() const { return config_.id; }
    uint64_t size() const { return bytes_.size(); }
    RamRange whole() const { return RamRange::of(RamOffset(0), size()); }
    uint8_t* data() const { return bytes_.data(); }
    std::span<uint8_t> bytes() const { return bytes_; }
    bool readonly() const { return config_.readonly; }
    uint64_t page_size() const { return config_.page_size; }
    RamSharing sharing() const { return config_.sharing; }
    // The descriptor other processes map (vhost-user); -1 for anonymous memory.
    int fd() const;
    uint64_t fd_offset() const { return config_.fd_offset; }

    // The guest_memfd to bind to memory slots: private side, or the RAM itself. Null when there is none.
    Gmem* gmem() const { return config_.gmem.get(); }
    // Whether pages can be private: there is a second, unmappable side.
    bool has_private_side() const { return config_.gmem != nullptr && !config_.gmem->mappable(); }
    Visibility initial_visibility() const { return config_.initial; }
    // True whenever has_private_side(); all shared otherwise.
    VisibilityMap& visibility() { return visibility_; }
    const VisibilityMap& visibility() const { return visibility_; }

    // The shared side is used by copying threads (DmaSpace) between enter_use and leave_use, which never
    // block; wait_for_users returns when all who entered before have left. What is made private is first
    // marked so, then waited for, then freed.
    unsigned enter_use() const;
    void leave_use(unsigned entered) const;
    void wait_for_users() const {
        // Whoever enters after this sees in the visibility map what the caller set before: all four are
        // sequentially consistent.
        if (users_[0].load() != 0 || users_[1].load() != 0) wait_for_those();
    }

    // Frees the host memory of a range aligned to page_size(); it reads as zero (a private file mapping: as
    // the file) afterwards.
    Status discard_shared(RamRange range);
    // Frees the private side of a range aligned to 4 KiB; nothing to do without one.
    Status discard_private(RamRange range);

    // Gives its memory back to the host for good. The addresses stay: a request that is under way still ends
    // in memory, which nobody reads. The block is mapped no more.
    void retire();

    // Bytes in host memory, where the host can tell.
    std::optional<uint64_t> resident_shared(RamRange range) const;
    std::optional<uint64_t> resident_private(RamRange range) const;
    // Bytes whose page is populated on both sides at once.
    std::optional<uint64_t> resident_on_both_sides(RamRange range) const;

  private:
    void wait_for_those() const;

    const Config config_;
    const std::span<uint8_t> bytes_;
    VisibilityMap visibility_;
    // Users by epoch: those of the old epoch run out while new ones count in the other.
    mutable std::array<std::atomic<uint64_t>, 2> users_{};
    mutable std::atomic<unsigned> epoch_{0};
    mutable Mutex waiting_{LockRank::Leaf, "RAM users"};
};

}  // namespace vmm
