#include "hw/i386/ram_writer.h"

#include <algorithm>
#include <cstring>

#include "util/align.h"

namespace vmm {

RamWriter::RamWriter(const Q35Map& map, std::span<RamBlock* const> blocks)
    : below_(map.ram_below.size()),
      above_(map.ram_above ? map.ram_above->size() : 0),
      blocks_(blocks.begin(), blocks.end()) {}

template <typename Act>
Status RamWriter::each_piece(uint64_t gpa, uint64_t size, Act act) {
    const bool low = gpa <= below_ && size <= below_ - gpa;
    const bool high = gpa >= kFourGiB && gpa - kFourGiB <= above_ && size <= above_ - (gpa - kFourGiB);
    if (!low && !high)
        return Error::make("guest memory 0x%llx to 0x%llx is not RAM", static_cast<unsigned long long>(gpa),
                           static_cast<unsigned long long>(gpa + size - 1));
    uint64_t offset = low ? gpa : gpa - kFourGiB + below_;
    for (RamBlock* block : blocks_) {
        if (size == 0) break;
        if (offset >= block->size()) {
            offset -= block->size();
            continue;
        }
        const uint64_t part = std::min(size, block->size() - offset);
        TRY(act(*block, RamRange::of(RamOffset(offset), part)));
        size -= part;
        offset = 0;
    }
    return {};
}

Status RamWriter::write(uint64_t gpa, std::span<const uint8_t> bytes) {
    return each_piece(gpa, bytes.size(), [&bytes](RamBlock& block, RamRange range) -> Status {
        if (!block.visibility().is_all(range, Visibility::Shared))
            return Error::make("guest memory '%s' is private from the start; nothing can be loaded into it",
                               block.id().c_str())
                .with_hint("default-memory=shared, or boot through firmware (-bios)");
        std::memcpy(block.data() + range.first().raw(), bytes.data(), range.size());
        bytes = bytes.subspan(range.size());
        return {};
    });
}

Status RamWriter::read(uint64_t gpa, std::span<uint8_t> bytes) {
    return each_piece(gpa, bytes.size(), [&bytes](RamBlock& block, RamRange range) -> Status {
        if (!block.visibility().is_all(range, Visibility::Shared))
            return Error::make("guest memory '%s' is private", block.id().c_str());
        std::memcpy(bytes.data(), block.data() + range.first().raw(), range.size());
        bytes = bytes.subspan(range.size());
        return {};
    });
}

Status RamWriter::clear(uint64_t gpa, uint64_t size) {
    return each_piece(gpa, size, [](RamBlock& block, RamRange range) -> Status {
        uint8_t* at = block.data() + range.first().raw();
        uint64_t left = range.size();
        while (left != 0) {
            const uint64_t page = std::min(left, kPageSize);
            // Reading a page that was never touched does not populate anonymous memory; writing it would.
            if (std::any_of(at, at + page, [](uint8_t b) { return b != 0; })) std::memset(at, 0, page);
            at += page;
            left -= page;
        }
        return {};
    });
}

}  // namespace vmm
