// The AMD half of the cache leaves, used by cpuid_amd.cc. Private to this folder.
#pragma once

#include "target/i386/cpu/leaves_priv.h"

namespace vmm {

void add_amd_cache_leaves(LeafWork& work);  // 8000_0005, 8000_0006, 8000_001D

}  // namespace vmm
