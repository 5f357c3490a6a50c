// The files of a boot: kernel, initrd and device tree as the command line names them, mapped read-only and
// checked as far as that needs no guest, so that a wrong file is told before a VM exists. Made by startup or
// the board; kept for resets, which load again.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "hw/core/machine_config.h"
#include "hw/i386/fw_cfg_x86.h"
#include "util/mmap.h"
#include "util/result.h"

namespace vmm {

struct BootFiles {
    MappedRegion kernel;
    MappedRegion initrd;  // empty when none was named, or the file is empty
    MappedRegion dtb;
    // Of a multiboot kernel: the initrd's list "FILE WORDS,FILE WORDS", with each entry as it was written.
    struct Module {
        MappedRegion file;
        std::string text;
    };
    bool multiboot = false;
    std::vector<Module> modules;

    // The same for firmware; with SeaBIOS's loader ROM when this host has one.
    FwCfgKernel for_firmware(const std::string& command_line) const;
};

// Nothing when no kernel was named. With firmware any bzImage will do; without, it must have an entry that
// direct_boot can use.
Result<std::optional<BootFiles>> open_boot_files(const BootConfig& config);

}  // namespace vmm
