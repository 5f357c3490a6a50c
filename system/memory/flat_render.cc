// Rendering by priority; see flat_render.h. Addresses are 128-bit here: an alias may put the start of its
// target below zero, and the whole space ends at 2^64.
#include "system/memory/flat_render.h"

#include <algorithm>

#include "system/memory/ram_block.h"
#include "system/memory/region.h"

namespace vmm {

namespace {

using Wide = __int128;

struct Window {
    Wide first;
    Wide last;  // inclusive
    bool empty() const { return first > last; }
    Window clipped(Wide to_first, Wide to_last) const {
        return {std::max(first, to_first), std::min(last, to_last)};
    }
};

class Renderer {
  public:
    void render(MemoryRegion& region, Wide base, Window clip, bool readonly);
    std::vector<FlatSection> take() { return std::move(sections_); }

  private:
    void fill(MemoryRegion& leaf, Wide base, Window window, bool readonly);
    static FlatSection section(MemoryRegion& leaf, Wide base, Window window, bool readonly);
    std::vector<FlatSection> sections_;  // sorted, disjoint
};

FlatSection Renderer::section(MemoryRegion& leaf, Wide base, Window window, bool readonly) {
    FlatSection s;
    s.range =
        GpaRange::between(Gpa(static_cast<uint64_t>(window.first)), Gpa(static_cast<uint64_t>(window.last)));
    s.region = &leaf;
    s.offset_in_region = static_cast<uint64_t>(window.first - base);
    bool memory = leaf.kind() == MemoryRegion::Kind::Ram || (leaf.kind() == MemoryRegion::Kind::RomDevice &&
                                                             leaf.rom_device_mode() == RomDeviceMode::Memory);
    if (memory) {
        s.ram = leaf.ram_block();
        s.ram_offset = RamOffset(s.offset_in_region);
        s.reads_ram = true;
    }
    s.io = leaf.io_ops();
    s.readonly = readonly || (memory && s.io != nullptr);
    return s;
}

// Puts the leaf into every gap of the window that nothing of higher priority has taken.
void Renderer::fill(MemoryRegion& leaf, Wide base, Window window, bool readonly) {
    std::vector<FlatSection> merged;
    merged.reserve(sections_.size() + 2);
    Wide at = window.first;
    auto gap_until = [&](Wide last) {
        last = std::min(last, window.last);
        if (at <= last) merged.push_back(section(leaf, base, {at, last}, readonly));
    };
    for (const FlatSection& taken : sections_) {
        gap_until(static_cast<Wide>(taken.range.first().raw()) - 1);
        at = std::max(at, static_cast<Wide>(taken.range.last().raw()) + 1);
        merged.push_back(taken);
    }
    gap_until(window.last);
    sections_ = std::move(merged);
}

void Renderer::render(MemoryRegion& region, Wide base, Window clip, bool readonly) {
    if (!region.enabled()) return;
    clip = clip.clipped(base, base + region.last_offset());
    if (clip.empty()) return;
    readonly = readonly || region.readonly();
    switch (region.kind()) {
        case MemoryRegion::Kind::Alias:
            // The target's own offset in its parent does not count here.
            render(*region.alias_target(), base - region.alias_offset(), clip, readonly);
            return;
        case MemoryRegion::Kind::Container:
            for (MemoryRegion* child : region.children())
                render(*child, base + child->offset(), clip, readonly);
            return;
        case MemoryRegion::Kind::Ram:
        case MemoryRegion::Kind::RomDevice:
        case MemoryRegion::Kind::Io:
            fill(region, base, clip, readonly);
            return;
    }
    UNREACHABLE();
}

bool continues(const FlatSection& a, const FlatSection& b) {
    return a.range.last().raw() + 1 == b.range.first().raw() && a.region == b.region &&
           a.offset_in_region + a.range.size() == b.offset_in_region && a.readonly == b.readonly;
}

}  // namespace

std::vector<FlatSection> flat_render(MemoryRegion& root) {
    Renderer renderer;
    renderer.render(root, 0, {0, ~uint64_t{0}}, false);
    std::vector<FlatSection> joined;
    for (const FlatSection& s : renderer.take()) {
        if (!joined.empty() && continues(joined.back(), s))
            joined.back().range = GpaRange::between(joined.back().range.first(), s.range.last());
        else
            joined.push_back(s);
    }
    return joined;
}

}  // namespace vmm
