#include "hw/i386/linux_image.h"

#include <algorithm>

#include "hw/i386/linux_header.h"
#include "util/align.h"
#include "util/endian.h"

namespace vmm {

using namespace linux_header;

bool looks_like_linux(std::span<const uint8_t> file) {
    return file.size() >= kMinimumEnd && load_le<uint16_t>(&file[kBootFlag]) == kBootFlagMagic &&
           load_le<uint32_t>(&file[kMagic]) == kHeaderMagic;
}

Result<LinuxImage> parse_linux_image(std::span<const uint8_t> file) {
    if (!looks_like_linux(file)) return Error::make("not a bzImage");
    LinuxImage k;
    k.protocol = load_le<uint16_t>(&file[kVersion]);
    if (k.protocol < 0x206)
        return Error::make("boot protocol %u.%02u; 2.06 or later is needed", k.protocol >> 8,
                           k.protocol & 0xff);
    if ((file[kLoadFlags] & kLoadedHigh) == 0) return Error::make("a zImage, not a bzImage");
    k.header_end = static_cast<uint32_t>(kMagic + file[kJumpLength]);
    if (k.header_end < kMinimumEnd || k.header_end > kZeroPageHeaderEnd || k.header_end > file.size())
        return Error::make("setup header ends at 0x%x", k.header_end);
    const uint32_t sectors = file[kSetupSectors] == 0 ? 4u : file[kSetupSectors];
    k.setup_size = (sectors + 1) * 512;
    // Nothing said: all that follows the setup part.
    const uint64_t said = uint64_t{load_le<uint32_t>(&file[kKernelParagraphs])} * 16;
    const uint64_t kernel_size = said == 0 && file.size() > k.setup_size ? file.size() - k.setup_size : said;
    // The last paragraph may be partial.
    if (kernel_size < kEntry64 + 16 || file.size() < k.setup_size + kernel_size - 15)
        return Error::make("the file ends within the kernel (%zu bytes, %llu said)", file.size(),
                           static_cast<unsigned long long>(k.setup_size + kernel_size));
    // Fields of later protocols count only when the header says that they are there.
    auto has = [&k](uint16_t protocol, size_t field_end) {
        return k.protocol >= protocol && k.header_end >= field_end;
    };
    k.max_initrd_address = load_le<uint32_t>(&file[kInitrdAddressMax]);
    k.max_command_line = load_le<uint32_t>(&file[kCommandLineSize]);
    k.alignment = load_le<uint32_t>(&file[kAlignment]);
    k.relocatable = file[kRelocatable] != 0;
    if (k.relocatable && !is_power_of_two(k.alignment))
        return Error::make("kernel alignment 0x%llx", static_cast<unsigned long long>(k.alignment));
    k.memory_needed = file.size() - k.setup_size;
    if (has(0x20a, kInitSize + 4)) {
        k.preferred_address = load_le<uint64_t>(&file[kPreferredAddress]);
        k.memory_needed = std::max<uint64_t>(k.memory_needed, load_le<uint32_t>(&file[kInitSize]));
    }
    if (has(0x20c, kXloadFlags + 2)) {
        const uint16_t flags = load_le<uint16_t>(&file[kXloadFlags]);
        k.entry_64 = (flags & kXlfKernel64) != 0;
        k.above_4g = (flags & kXlfAbove4G) != 0;
    }
    return k;
}

}  // namespace vmm
