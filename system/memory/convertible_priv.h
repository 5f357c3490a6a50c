// Which sections of a flat view can be private. For conversion*.cc.
#pragma once

#include "system/memory/flat_view.h"
#include "system/memory/ram_block.h"

namespace vmm {

inline bool can_be_private(const FlatSection& s) {
    return s.ram != nullptr && s.io == nullptr && s.ram->has_private_side();
}

}  // namespace vmm
