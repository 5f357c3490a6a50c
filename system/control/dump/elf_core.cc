// Writing ELF core files; see elf_core.h.
#include "system/control/dump/elf_core.h"

#include <elf.h>

#include <algorithm>
#include <cstring>

#include "util/align.h"
#include "util/endian.h"

namespace vmm::dump {

namespace {

constexpr size_t kMostLoads = 1u << 20;
constexpr size_t kChunk = 256u << 10;

// Where in the file the memory of this address is.
class Places {
  public:
    Places(const std::vector<MemoryBlock>& blocks, uint64_t base) {
        for (const MemoryBlock& block : blocks) {
            places_.push_back({block, base});
            base += block.size;
        }
    }
    uint64_t of(uint64_t address) const {
        const auto after = std::upper_bound(places_.begin(), places_.end(), address,
                                            [](uint64_t a, const Place& p) { return a < p.block.first; });
        CHECK(after != places_.begin(), "memory outside of the dump");
        const Place& place = *(after - 1);
        return place.offset + (address - place.block.first);
    }

  private:
    struct Place {
        MemoryBlock block;
        uint64_t offset;
    };
    std::vector<Place> places_;
};

void append(std::vector<uint8_t>& out, std::span<const uint8_t> bytes) {
    out.insert(out.end(), bytes.begin(), bytes.end());
}

Elf64_Ehdr header(const DumpPlan& plan, size_t count) {
    Elf64_Ehdr header{};
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_ident[EI_VERSION] = EV_CURRENT;
    header.e_type = ET_CORE;
    header.e_machine = plan.long_mode ? EM_X86_64 : EM_386;
    header.e_version = EV_CURRENT;
    header.e_ehsize = sizeof header;
    header.e_phoff = sizeof header;
    header.e_phentsize = sizeof(Elf64_Phdr);
    header.e_phnum = static_cast<Elf64_Half>(std::min<size_t>(count, PN_XNUM));
    if (count >= PN_XNUM) {
        header.e_shoff = header.e_phoff + count * sizeof(Elf64_Phdr);
        header.e_shentsize = sizeof(Elf64_Shdr);
        header.e_shnum = 1;
    }
    return header;
}

bool all_zero(std::span<const uint8_t> bytes) {
    return bytes[0] == 0 && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0;
}

// Reads what may be read; the rest is zeros.
void read_chunk(const DumpMemory& memory, uint64_t address, std::span<uint8_t> chunk) {
    if (memory.read(address, chunk)) return;
    for (size_t done = 0, size = 0; done < chunk.size(); done += size) {
        size = static_cast<size_t>(
            std::min<uint64_t>(kPageSize - (address + done) % kPageSize, chunk.size() - done));
        const std::span<uint8_t> piece = chunk.subspan(done, size);
        if (!memory.read(address + done, piece)) std::fill(piece.begin(), piece.end(), 0);
    }
}

Status write_chunk(std::span<const uint8_t> chunk, DumpSink& sink) {
    for (size_t at = 0; at < chunk.size();) {
        const auto zero = [&](size_t from) {
            return all_zero(chunk.subspan(from, std::min<size_t>(kPageSize, chunk.size() - from)));
        };
        const bool hole = zero(at);
        size_t end = at;
        do
            end = std::min<size_t>(end + kPageSize, chunk.size());
        while (end < chunk.size() && zero(end) == hole);
        if (hole)
            TRY(sink.zeros(end - at));
        else
            TRY(sink.write(chunk.subspan(at, end - at)));
        at = end;
    }
    return {};
}

}  // namespace

Result<std::vector<uint8_t>> elf_head(const DumpPlan& plan) {
    std::vector<LinearRun> loads = plan.runs;
    if (!plan.paging)
        for (const MemoryBlock& block : plan.blocks)
            loads.push_back({block.first, block.first, block.size});
    if (loads.size() > kMostLoads)
        return Error::make("the memory is mapped in %zu pieces, too many for a dump", loads.size())
            .with_hint("use paging=false");
    const size_t count = loads.size() + 1;
    const Elf64_Ehdr ehdr = header(plan, count);
    const uint64_t notes = sizeof ehdr + count * sizeof(Elf64_Phdr) + ehdr.e_shnum * sizeof(Elf64_Shdr);
    const uint64_t memory = align_up(notes + plan.notes.size(), kPageSize);
    std::vector<uint8_t> out;
    append(out, bytes_of(ehdr));
    Elf64_Phdr note{};
    note.p_type = PT_NOTE;
    note.p_offset = notes;
    note.p_filesz = note.p_memsz = plan.notes.size();
    append(out, bytes_of(note));
    const Places places(plan.blocks, memory);
    for (const LinearRun& run : loads) {
        Elf64_Phdr load{};
        load.p_type = PT_LOAD;
        load.p_offset = places.of(run.physical);
        load.p_vaddr = run.linear;
        load.p_paddr = run.physical;
        load.p_filesz = load.p_memsz = run.size;
        append(out, bytes_of(load));
    }
    if (ehdr.e_shnum != 0) {
        Elf64_Shdr first{};
        first.sh_info = static_cast<Elf64_Word>(count);
        append(out, bytes_of(first));
    }
    append(out, plan.notes);
    out.resize(memory);
    return out;
}

Status write_elf(const DumpPlan& plan, const DumpMemory& memory, DumpSink& sink,
                 std::atomic<uint64_t>& done) {
    TRY(sink.write(TRY(elf_head(plan))));
    std::vector<uint8_t> buffer(kChunk);
    for (const MemoryBlock& block : plan.blocks) {
        for (uint64_t at = 0; at < block.size;) {
            const std::span<uint8_t> chunk(buffer.data(), std::min<uint64_t>(kChunk, block.size - at));
            read_chunk(memory, block.first + at, chunk);
            TRY(write_chunk(chunk, sink));
            at += chunk.size();
            done.fetch_add(chunk.size(), std::memory_order_relaxed);
        }
    }
    return sink.finish();
}

}  // namespace vmm::dump
