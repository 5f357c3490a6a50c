// Address spaces as text; see print.h. A transaction that changes nothing keeps processors from changing the
// map meanwhile.
#include "system/memory/print.h"

#include <string_view>

#include "system/memory/address_space.h"
#include "system/memory/ram_block.h"
#include "system/memory/region.h"
#include "system/memory/topology.h"
#include "util/text.h"

namespace vmm {

namespace {

std::string_view kind_text(const MemoryRegion& region) {
    switch (region.kind()) {
        case MemoryRegion::Kind::Container:
            return "container";
        case MemoryRegion::Kind::Ram:
            return region.readonly() ? "rom" : "ram";
        case MemoryRegion::Kind::RomDevice:
            return "romd";
        case MemoryRegion::Kind::Io:
            return "i/o";
        case MemoryRegion::Kind::Alias:
            return "alias";
    }
    UNREACHABLE();
}

std::string line(const MemoryRegion& region, uint64_t base, unsigned depth) {
    std::string text(2 * depth, ' ');
    text += strf("%016llx-%016llx (prio %d, %s): %s", static_cast<unsigned long long>(base),
                 static_cast<unsigned long long>(base + region.last_offset()), region.priority(),
                 std::string(kind_text(region)).c_str(), region.name().c_str());
    if (region.alias_target() != nullptr) {
        text += strf(" @%s %016llx-%016llx", region.alias_target()->name().c_str(),
                     static_cast<unsigned long long>(region.alias_offset()),
                     static_cast<unsigned long long>(region.alias_offset() + region.last_offset()));
    }
    if (region.readonly() && region.kind() != MemoryRegion::Kind::Ram) text += " [readonly]";
    if (!region.enabled()) text += " [disabled]";
    return text + "\n";
}

void print_region(const MemoryRegion& region, uint64_t base, unsigned depth, std::string& text) {
    text += line(region, base, depth);
    for (const MemoryRegion* child : region.children())
        print_region(*child, base + child->offset(), depth + 1, text);
}

}  // namespace

std::string print_tree(const AddressSpace& space) {
    const Topology::Transaction unchanged(space.topology());
    std::string text = strf("address-space: %s\n", space.name().c_str());
    print_region(space.root(), 0, 1, text);
    return text;
}

std::string print_flat(const AddressSpace& space) {
    std::string text = strf("flat view: %s\n", space.name().c_str());
    const Topology::Transaction unchanged(space.topology());
    const FlatViewPtr view = space.view();
    for (const FlatSection& s : view->sections()) {
        text += strf("  %016llx-%016llx (prio %d, %s): %s",
                     static_cast<unsigned long long>(s.range.first().raw()),
                     static_cast<unsigned long long>(s.range.last().raw()), s.region->priority(),
                     std::string(kind_text(*s.region)).c_str(), s.region->name().c_str());
        if (s.offset_in_region != 0)
            text += strf(" @%016llx", static_cast<unsigned long long>(s.offset_in_region));
        if (s.readonly && !s.region->readonly()) text += " [readonly]";
        text += "\n";
    }
    return text;
}

}  // namespace vmm
