// Finding and reading an option ROM's file.
#include "hw/pci/option_rom.h"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <bit>

#include "util/align.h"
#include "util/fd.h"

namespace vmm::pci {

namespace {

constexpr uint64_t kMostBytes = 16 * kMiB;
constexpr std::array kFolders = {"/usr/share/qemu/", "/usr/share/seabios/", "/usr/lib/ipxe/qemu/"};

Result<std::vector<uint8_t>> read_rom(const std::string& name) {
    Result<std::vector<uint8_t>> bytes = read_file(name, kMostBytes);
    if (bytes || name.find('/') != name.npos) return bytes;
    for (const char* folder : kFolders)
        if (Result<std::vector<uint8_t>> found = read_file(folder + name, kMostBytes)) return found;
    return bytes;
}

}  // namespace

Result<std::unique_ptr<OptionRom>> OptionRom::load(const FunctionConfig& values) {
    if (values.romfile.empty()) return std::unique_ptr<OptionRom>();
    if (values.rombar == 0) return Error::make("romfile= with rombar=0: an option ROM needs its BAR");
    const std::vector<uint8_t> bytes = TRY(read_rom(values.romfile));
    if (bytes.empty()) return Error::make("romfile '%s' is empty", values.romfile.c_str());
    // Not below a page, which is what can be mapped.
    const uint64_t least = std::max<uint64_t>(std::bit_ceil(bytes.size()), kPageSize);
    const uint64_t size = std::max<uint64_t>(values.romsize.value_or(0), least);
    if (values.romsize && (!std::has_single_bit(*values.romsize) || *values.romsize < bytes.size()))
        return Error::make("romsize %u is no power of two that holds the %zu bytes of '%s'", *values.romsize,
                           bytes.size(), values.romfile.c_str());
    std::unique_ptr<RamBlock> block = TRY(RamBlock::anonymous("option-rom", size));
    std::copy(bytes.begin(), bytes.end(), block->bytes().begin());
    return std::make_unique<OptionRom>(Token{}, std::move(block));
}

}  // namespace vmm::pci
