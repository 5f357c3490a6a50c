// BootState: what a processor's registers hold when a kernel is entered without firmware. Made by the
// loaders in hw/i386 and from IGVM files, applied by whoever runs the CPU on top of the architectural reset
// state. Registers that are not here are 0. Pure data, header only.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
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

// Where they are not all alike.
struct BootDataSegments {
    BootSegment ds, es, fs, gs, ss;
};

struct BootState {
    uint64_t rip = 0;
    uint64_t rsp = 0;
    uint64_t rax = 0;
    uint64_t rbx = 0;
    uint64_t rcx = 0;
    uint64_t rdx = 0;
    uint64_t rsi = 0;
    uint64_t rdi = 0;
    uint64_t rbp = 0;
    std::array<uint64_t, 8> r8_to_r15 = {};
    uint64_t rflags = 2;
    BootSegment code;
    BootSegment data;                               // for DS, ES, FS, GS and SS
    std::optional<BootDataSegments> data_segments;  // instead
    BootSegment task;
    std::optional<BootSegment> local;  // absent: as after a reset
    BootTable gdt;
    BootTable idt;
    uint64_t cr0 = 0;
    uint64_t cr3 = 0;
    uint64_t cr4 = 0;
    uint64_t efer = 0;
    std::vector<BootMsr> msrs;
};

}  // namespace vmm
