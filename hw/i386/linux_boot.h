// Where a bzImage goes: the pure part of loading it, so that tests and fuzzers need no guest. Called by
// linux_boot.cc. Boot protocol document, "64-bit boot protocol".
#pragma once

#include "hw/i386/e820.h"
#include "hw/i386/linux_image.h"
#include "util/result.h"

namespace vmm {

struct LinuxPlaces {
    uint64_t kernel = 0;
    uint64_t initrd = 0;  // 0: none
    uint64_t dtb = 0;     // of the setup_data node; 0: none
};

// `low` is usable RAM from 1 MiB, `high` RAM from 4 GiB. Sizes of 0 mean "not there".
Result<LinuxPlaces> place_linux(const LinuxImage& image, BootRange low, BootRange high, uint64_t initrd_size,
                                uint64_t dtb_size);

}  // namespace vmm
