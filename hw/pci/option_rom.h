// OptionRom: the code that firmware finds behind a function's expansion ROM register (romfile=, romsize=): a
// file in read-only memory of a power of two. PCI Local Bus 3.0, 6.3. Made by Function when it is plugged.
// Missing: romfile= with rombar=0 (code that only fw_cfg tells of) is refused. Main thread.
#pragma once

#include <memory>
#include <string>

#include "hw/pci/function_config.h"
#include "system/memory/ram_block.h"
#include "system/memory/region.h"

namespace vmm::pci {

class OptionRom {
    struct Token {};

  public:
    // Null when the configuration names none. A file without a slash is looked for where distributions put
    // ROMs, after the working directory.
    static Result<std::unique_ptr<OptionRom>> load(const FunctionConfig& values);
    OptionRom(Token, std::unique_ptr<RamBlock> block)
        : block_(std::move(block)), region_(MemoryRegion::rom("option-rom", *block_)) {}

    MemoryRegion& region() { return region_; }

  private:
    std::unique_ptr<RamBlock> block_;
    MemoryRegion region_;
};

}  // namespace vmm::pci
