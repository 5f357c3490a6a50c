// Which memory a dump has; see plan.h.
#include "system/control/dump/plan.h"

#include <algorithm>

#include "system/memory/ram_block.h"

namespace vmm::dump {

std::vector<MemoryBlock> memory_blocks(const FlatView& view) {
    std::vector<MemoryBlock> blocks;
    for (const FlatSection& section : view.sections()) {
        if (section.ram == nullptr || section.io != nullptr || !section.reads_ram) continue;
        const MemoryBlock block{section.range.first().raw(), section.range.size()};
        if (!blocks.empty() && blocks.back().first + blocks.back().size == block.first)
            blocks.back().size += block.size;
        else
            blocks.push_back(block);
    }
    return blocks;
}

std::vector<MemoryBlock> cut(const std::vector<MemoryBlock>& blocks, uint64_t first, uint64_t size) {
    std::vector<MemoryBlock> out;
    const std::optional<GpaRange> range = GpaRange::make(Gpa(first), size);
    if (!range) return out;
    for (const MemoryBlock& block : blocks)
        if (std::optional<GpaRange> both = GpaRange::of(Gpa(block.first), block.size).intersect(*range))
            out.push_back({both->first().raw(), both->size()});
    return out;
}

std::vector<LinearRun> cut(const std::vector<LinearRun>& runs, const std::vector<MemoryBlock>& blocks) {
    std::vector<LinearRun> out;
    for (const LinearRun& run : runs)
        for (const MemoryBlock& piece : cut(blocks, run.physical, run.size))
            out.push_back({run.linear + (piece.first - run.physical), piece.first, piece.size});
    return out;
}

uint64_t DumpPlan::bytes() const {
    uint64_t sum = 0;
    for (const MemoryBlock& block : blocks)
        sum += block.size;
    return sum;
}

}  // namespace vmm::dump
