// A dump as an ELF core file: ELF header, program headers (one PT_NOTE, then a PT_LOAD for each piece of
// memory), section header 0 where there are more of them than the header can count, notes, memory.
// System V ABI, chapter 4 and 5; always 64 bits wide, as physical memory is.
#pragma once

#include <atomic>

#include "system/control/dump/plan.h"
#include "system/control/dump/sink.h"

namespace vmm::dump {

// Everything before the memory, which begins on a page of the file. Pure.
Result<std::vector<uint8_t>> elf_head(const DumpPlan& plan);

// done: bytes of memory written so far.
Status write_elf(const DumpPlan& plan, const DumpMemory& memory, DumpSink& sink, std::atomic<uint64_t>& done);

}  // namespace vmm::dump
