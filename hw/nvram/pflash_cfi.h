// PflashCfi (cfi.pflash01): a NOR flash with the Intel command set, byte wide, as firmware keeps its code and
// its variables in. Reads of the array go to memory directly (the guest runs from it); commands and whatever
// follows them until "read array" come here.
// Spec: JEDEC JEP137B (CFI), Intel P30 data sheet (commands, status). As virtual machines have it:
// programming and erasing end at once, "clear status" clears the ready bit too, which firmware looks for.
// Missing: block locks (accepted, nothing is locked), erase suspend, wider buses.
// Thread: any; lock: one, rank Device, held while the memory map changes between memory and commands. The
// store is told after it.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "hw/core/device.h"
#include "system/memory/ram_block.h"
#include "system/memory/region.h"
#include "system/memory/region_ops.h"
#include "system/memory/topology.h"
#include "util/mutex.h"

namespace vmm {

// Where changes of a flash go to last. The contents are in memory already when it is told.
class FlashStore {
  public:
    virtual ~FlashStore() = default;
    // Any thread, no lock held.
    virtual void changed(uint64_t offset, uint64_t bytes) = 0;
};

class PflashCfi final : public Device, private IoOps {
  public:
    struct Config {
        std::string name = "system.flash0";
        uint32_t sector_size = 4096;  // what an erase clears; a power of two
        bool readonly = false;        // programming fails
    };
    static constexpr uint64_t kBufferSize = 2048;  // of the buffered-program command

    // The contents' size is a whole number of sectors. Contents, topology and store outlive the chip; the
    // store may be null.
    PflashCfi(const Config& config, RamBlock& contents, Topology& topology, FlashStore* store);
    std::string_view type() const override { return "cfi.pflash01"; }

    MemoryRegion& region() { return region_; }
    void reset_hold() override;

  private:
    enum class Mode { Array, StatusByte, Id, Query };
    // What the next write is.
    enum class Expect { Command, Byte, EraseConfirm, LockConfirm, Count, Data, BufferConfirm };

    uint64_t read(uint64_t offset, unsigned size) override;
    void write(uint64_t offset, uint64_t value, unsigned size) override;
    IoSizes sizes() const override { return {1, 8, 1, 8, true}; }

    struct Changed {
        uint64_t offset = 0;
        uint64_t bytes = 0;  // 0: nothing
    };
    uint8_t read_byte(uint64_t offset) const REQUIRES(mutex_);
    Changed take(uint64_t offset, uint64_t value, unsigned size) REQUIRES(mutex_);
    void command(uint8_t code) REQUIRES(mutex_);
    void enter(Mode mode) REQUIRES(mutex_);
    void failed(uint8_t status) REQUIRES(mutex_);
    Changed program(uint64_t offset, const uint8_t* bytes, uint64_t size) REQUIRES(mutex_);
    Changed erase(uint64_t offset) REQUIRES(mutex_);
    void buffer_data(uint64_t offset, uint64_t value, unsigned size) REQUIRES(mutex_);

    const Config config_;
    RamBlock& contents_;
    Topology& topology_;
    FlashStore* const store_;
    MemoryRegion region_;

    Mutex mutex_{LockRank::Device, "flash"};
    Mode mode_ GUARDED_BY(mutex_) = Mode::Array;
    Expect expect_ GUARDED_BY(mutex_) = Expect::Command;
    uint8_t status_ GUARDED_BY(mutex_) = 0x80;
    // The buffered program under way.
    std::array<uint8_t, kBufferSize> buffer_ GUARDED_BY(mutex_) = {};
    uint64_t buffer_base_ GUARDED_BY(mutex_) = 0;
    uint64_t buffer_first_ GUARDED_BY(mutex_) = 0;  // lowest and highest byte written, from the base
    uint64_t buffer_end_ GUARDED_BY(mutex_) = 0;
    uint64_t buffer_left_ GUARDED_BY(mutex_) = 0;
};

}  // namespace vmm
