// A guest's page tables, whatever is in them: the input is the control registers and the first pages of
// memory.
#include <cstring>

#include "target/i386/cpu/page_tables.h"
#include "util/check.h"
#include "util/endian.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    constexpr size_t kHead = 8;
    if (size < kHead) return 0;
    vmm::X86Registers registers;
    registers.cr0 = 0x80000001;
    registers.cr3 = vmm::load_le<uint32_t>(data);
    registers.cr4 = vmm::load_le<uint16_t>(data + 4);
    registers.efer = vmm::load_le<uint16_t>(data + 6);
    const std::span<const uint8_t> memory(data + kHead, size - kHead);
    const auto read = [memory](uint64_t address, std::span<uint8_t> into) {
        if (address >= memory.size()) return false;
        std::memset(into.data(), 0, into.size());
        std::memcpy(into.data(), &memory[address], std::min<size_t>(into.size(), memory.size() - address));
        return true;
    };
    vmm::Result<std::vector<vmm::LinearRun>> runs = vmm::linear_runs(registers, read);
    if (!runs) return 0;
    for (size_t i = 0; i < runs->size(); ++i) {
        const vmm::LinearRun& run = (*runs)[i];
        CHECK(run.size != 0 && run.size % 4096 == 0 && run.linear % 4096 == 0 && run.physical % 4096 == 0,
              "a run of parts of pages");
        CHECK(i == 0 || (*runs)[i - 1].linear < run.linear, "runs out of order");
    }
    return 0;
}
