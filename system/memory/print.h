// Address spaces as text for a person: the tree of regions with priorities, or the flat view (what the
// monitor shows as `info mtree` and `info mtree -f`).
#pragma once

#include <string>

namespace vmm {

class AddressSpace;

std::string print_tree(const AddressSpace& space);
std::string print_flat(const AddressSpace& space);

}  // namespace vmm
