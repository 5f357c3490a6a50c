// Firmware images of any shape: what the parser accepts is aligned, inside the image and without overlaps,
// and can be measured and described.
#include <cstdlib>

#include "target/i386/confidential/tdx/mrtd.h"
#include "target/i386/confidential/tdx/td_hob.h"
#include "util/align.h"

namespace {

void check_sections(const vmm::tdx::Tdvf& firmware, size_t size) {
    for (const auto& a : firmware.sections) {
        if (a.data_offset > size || a.raw_size > size - a.data_offset) abort();
        if (!vmm::is_aligned(a.gpa | a.size, vmm::kPageSize) && a.size != 0) abort();
        for (const auto& b : firmware.sections)
            if (&a != &b && a.size != 0 && b.size != 0 && a.gpa < b.end() && b.gpa < a.end()) abort();
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::span<const uint8_t> image(data, size);
    const auto firmware = vmm::tdx::parse_tdvf(image);
    if (!firmware) {
        if (firmware.error().text().empty()) abort();
        return 0;
    }
    check_sections(*firmware, size);
    const vmm::tdx::RamRange ram[] = {{0, 2 * vmm::kGiB}, {4 * vmm::kGiB, vmm::kGiB}};
    const auto ranges = vmm::tdx::divide_ram(ram, *firmware);
    if (!ranges) return 0;
    uint64_t at = 0, total = 0;
    for (const auto& range : *ranges) {
        if (range.base < at || range.size == 0) abort();
        at = range.base + range.size;
        total += range.size;
    }
    if (total != 3 * vmm::kGiB) abort();
    if (firmware->hob() != nullptr)
        (void)vmm::tdx::build_td_hob(firmware->hob()->gpa, firmware->hob()->size, *ranges);
    return 0;
}
