// Which sections of a flat view can be private, and all there is to lock. For conversion*.cc.
#pragma once

#include "system/memory/flat_view.h"
#include "system/memory/ram_block.h"

namespace vmm {

inline const GpaRange kWholeSpace = GpaRange::between(Gpa(0), Gpa(~uint64_t{0}));

// RAM behind a read-only window, too, although the kernel can show nothing but its shared side there: a
// private page is not to look like an empty one, so that who reads it is stopped with a report.
inline bool can_be_private(const FlatSection& s) {
    return s.ram != nullptr && s.io == nullptr && s.ram->has_private_side();
}

}  // namespace vmm
