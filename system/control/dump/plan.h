// DumpPlan: everything that a dump of the guest's memory says besides the memory itself, gathered while the
// guest stands still; and how the memory is read. Pure, but for what DumpMemory reads.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "system/memory/flat_view.h"
#include "target/i386/cpu/page_tables.h"
#include "util/result.h"

namespace vmm::dump {

// Guest-physical memory, whole and disjoint, lowest first.
struct MemoryBlock {
    uint64_t first = 0;
    uint64_t size = 0;
    bool operator==(const MemoryBlock&) const = default;
};

// RAM and ROM; no devices, no flash.
std::vector<MemoryBlock> memory_blocks(const FlatView& view);
// What of them lies in the range.
std::vector<MemoryBlock> cut(const std::vector<MemoryBlock>& blocks, uint64_t first, uint64_t size);
// What of the runs lies in the blocks.
std::vector<LinearRun> cut(const std::vector<LinearRun>& runs, const std::vector<MemoryBlock>& blocks);

struct DumpPlan {
    std::vector<MemoryBlock> blocks;
    // With paging: what lies where in them. Without: memory is told by its physical addresses.
    std::vector<LinearRun> runs;
    bool paging = false;
    std::vector<uint8_t> notes;
    bool long_mode = false;
    uint32_t cpus = 0;
    // Of the guest's kernel, where it told: its own note's contents within `notes`, and where it lies.
    uint64_t kernel_note_offset = 0, kernel_note_size = 0;
    uint64_t kernel_base = 0;

    uint64_t bytes() const;
};

class DumpMemory {
  public:
    virtual ~DumpMemory() = default;
    // Whether the page at this address is the guest's alone.
    virtual bool hidden(uint64_t page) const = 0;
    // False: something of it is hidden, or not there.
    virtual bool read(uint64_t address, std::span<uint8_t> into) const = 0;
};

}  // namespace vmm::dump
