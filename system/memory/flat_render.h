// Turns the tree of regions into the sorted list of what answers where: children over their parent's gaps,
// higher priority over lower, aliases followed, everything clipped to its window. Pure: reads the tree,
// changes nothing; the caller holds the topology lock.
#pragma once

#include <vector>

#include "system/memory/flat_view.h"

namespace vmm {

class MemoryRegion;

std::vector<FlatSection> flat_render(MemoryRegion& root);

}  // namespace vmm
