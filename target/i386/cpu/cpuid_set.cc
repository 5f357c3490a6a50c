// Lookup in a set of CPUID leaves.
#include "target/i386/cpu/cpuid_set.h"

namespace vmm {

uint32_t CpuidEntry::reg(CpuidRegister which) const {
    switch (which) {
        case CpuidRegister::Eax:
            return eax;
        case CpuidRegister::Ebx:
            return ebx;
        case CpuidRegister::Ecx:
            return ecx;
        case CpuidRegister::Edx:
            return edx;
    }
    return 0;
}

const CpuidEntry* CpuidSet::find(uint32_t function, uint32_t index) const {
    for (const CpuidEntry& entry : entries_) {
        if (entry.function != function) continue;
        if ((entry.flags & kCpuidSignificantIndex) == 0 || entry.index == index) return &entry;
    }
    return nullptr;
}

uint32_t CpuidSet::reg(uint32_t function, uint32_t index, CpuidRegister which) const {
    const CpuidEntry* entry = find(function, index);
    return entry != nullptr ? entry->reg(which) : 0;
}

}  // namespace vmm
