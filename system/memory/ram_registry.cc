// RAM blocks by name and address; see ram_registry.h.
#include "system/memory/ram_registry.h"

#include <algorithm>
#include <functional>

#include "util/check.h"

namespace vmm {

Status RamRegistry::add(RamBlock& block) {
    Locked lock(mutex_);
    for (const RamBlock* other : blocks_)
        if (other->id() == block.id())
            return Error::make("RAM block '%s' exists already", block.id().c_str());
    blocks_.push_back(&block);
    return {};
}

void RamRegistry::remove(RamBlock& block) {
    Locked lock(mutex_);
    CHECK(std::erase(blocks_, &block) == 1, "RAM block '%s' is not registered", block.id().c_str());
}

RamBlock* RamRegistry::find(std::string_view id) const {
    Locked lock(mutex_);
    auto at = std::find_if(blocks_.begin(), blocks_.end(), [&](const RamBlock* b) { return b->id() == id; });
    return at != blocks_.end() ? *at : nullptr;
}

RamPlace RamRegistry::find_host(const void* address) const {
    const auto* byte = static_cast<const uint8_t*>(address);
    Locked lock(mutex_);
    for (RamBlock* block : blocks_) {
        const uint8_t* first = block->data();
        if (std::less_equal<>()(first, byte) && std::less<>()(byte, first + block->size()))
            return {block, RamOffset(static_cast<uint64_t>(byte - first))};
    }
    return {};
}

std::vector<RamBlock*> RamRegistry::blocks() const {
    Locked lock(mutex_);
    return blocks_;
}

}  // namespace vmm
