// The nodes of the memory tree; see region.h.
#include "system/memory/region.h"

#include <utility>

#include "system/memory/ram_block.h"
#include "system/memory/topology.h"
#include "util/check.h"

namespace vmm {

MemoryRegion::MemoryRegion(Kind kind, std::string name, const Parts& parts)
    : kind_(kind),
      name_(std::move(name)),
      ram_(parts.ram),
      io_(parts.io),
      alias_target_(parts.alias_target),
      size_(parts.size),
      alias_offset_(parts.alias_offset),
      readonly_(parts.readonly) {
    if (alias_target_ != nullptr) ++alias_target_->aliases_;
}

MemoryRegion::~MemoryRegion() {
    CHECK(aliases_ == 0, "region '%s' goes while an alias shows it", name_.c_str());
    if (topology_ != nullptr) topology_->forget(*this);
    if (alias_target_ != nullptr) --alias_target_->aliases_;
}

MemoryRegion MemoryRegion::container(std::string name, uint64_t size) {
    return MemoryRegion(Kind::Container, std::move(name), Parts{.size = size});
}

MemoryRegion MemoryRegion::ram(std::string name, RamBlock& block) {
    return MemoryRegion(Kind::Ram, std::move(name),
                        Parts{.size = block.size(), .ram = &block, .readonly = block.readonly()});
}

MemoryRegion MemoryRegion::rom(std::string name, RamBlock& block) {
    return MemoryRegion(Kind::Ram, std::move(name),
                        Parts{.size = block.size(), .ram = &block, .readonly = true});
}

MemoryRegion MemoryRegion::rom_device(std::string name, RamBlock& block, IoOps& ops) {
    return MemoryRegion(Kind::RomDevice, std::move(name),
                        Parts{.size = block.size(), .ram = &block, .io = &ops});
}

MemoryRegion MemoryRegion::io(std::string name, uint64_t size, IoOps& ops) {
    CHECK(size != 0, "region '%s' has no size", name.c_str());
    return MemoryRegion(Kind::Io, std::move(name), Parts{.size = size, .io = &ops});
}

MemoryRegion MemoryRegion::alias(std::string name, MemoryRegion& target, uint64_t offset, uint64_t size) {
    return MemoryRegion(Kind::Alias, std::move(name),
                        Parts{.size = size, .alias_target = &target, .alias_offset = offset});
}

}  // namespace vmm
