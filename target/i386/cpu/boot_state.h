// BootState: what the boot processor's registers hold when a kernel is entered without firmware. Made by the
// loaders in hw/i386, applied by whoever runs the CPU on top of the architectural reset state. Registers that
// are not here are 0. Pure data, header only.
#pragma once

#include <cstdint>
#include <vector>

namespace vmm {

// Attributes as in a descriptor's bits 40-55: type 3:0, S 4, DPL 6:5, P 7, AVL 12, L 13, D/B 14, G 15. The
// limit is in bytes.
struct BootSegment {
    uint16_t selector = 0;
    uint64_t base = 0;
    uint32_t limit = 0xffffffff;
    uint16_t attributes = 0;
};
struct BootTable {
    uint64_t base = 0;
    uint16_t limit = 0;
};
struct BootMsr {
    uint32_t index;
    uint64_t value;
};

struct BootState {
    uint64_t rip = 0;
    uint64_t rsp = 0;
    uint64_t rax = 0;
    uint64_t rbx = 0;
    uint64_t rsi = 0;
    uint64_t rflags = 2;
    BootSegment code;
    BootSegment data;  // for DS, ES, FS, GS and SS
    BootSegment task;
    BootTable gdt;
    BootTable idt;
    uint64_t cr0 = 0;
    uint64_t cr3 = 0;
    uint64_t cr4 = 0;
    uint64_t efer = 0;
    std::vector<BootMsr> msrs;
};

}  // namespace vmm
