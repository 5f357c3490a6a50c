// Decoding of base address registers.
#include "hw/pci/bar.h"

#include "system/memory/region.h"
#include "system/memory/topology.h"
#include "util/align.h"
#include "util/check.h"

namespace vmm::pci {

namespace {

constexpr uint32_t kRomEnable = 1;  // in the expansion ROM's register

bool is_64(BarKind kind) {
    return kind == BarKind::Memory64 || kind == BarKind::Prefetchable64;
}

uint32_t type_bits(BarKind kind) {
    switch (kind) {
        case BarKind::Io:
            return 0x1;
        case BarKind::Memory32:
            return 0x0;
        case BarKind::Memory64:
            return 0x4;
        case BarKind::Prefetchable64:
            return 0xc;
        case BarKind::Rom:
            return 0x0;
    }
    UNREACHABLE();
}

}  // namespace

void BarSet::add(ConfigSpace& config, unsigned index, BarKind kind, MemoryRegion& region) {
    const uint64_t size = region.size();
    CHECK(index + (is_64(kind) ? 1 : 0) < count_ && bars_[index].region == nullptr, "BAR %u", index);
    CHECK(is_power_of_two(size) && size >= (kind == BarKind::Io ? 4u : 16u), "BAR %u of 0x%llx bytes", index,
          static_cast<unsigned long long>(size));
    CHECK(is_64(kind) || size <= 2 * kGiB, "BAR %u is too large for 32 bits", index);
    bars_[index] = {kind, &region, std::nullopt};
    const uint64_t mask = ~(size - 1);
    config.set32(kBar0 + 4 * index, type_bits(kind));
    config.set_writable(kBar0 + 4 * index, static_cast<uint32_t>(mask), 4);
    if (is_64(kind)) config.set_writable(kBar0 + 4 * (index + 1), static_cast<uint32_t>(mask >> 32), 4);
}

void BarSet::add_rom(ConfigSpace& config, MemoryRegion& region) {
    const uint64_t size = region.size();
    CHECK(is_power_of_two(size) && size >= 2 * kKiB && size <= kGiB, "expansion ROM of 0x%llx bytes",
          static_cast<unsigned long long>(size));
    CHECK(bars_[kRom].region == nullptr, "two expansion ROMs");
    bars_[kRom] = {BarKind::Rom, &region, std::nullopt};
    config.set_writable(rom_register_, static_cast<uint32_t>(~(size - 1)) | kRomEnable, 4);
}

std::optional<uint64_t> BarSet::decoded(const ConfigSpace& config, unsigned index) const {
    const Bar& bar = bars_[index];
    const uint16_t command = config.load16(kCommand);
    if ((command & (bar.kind == BarKind::Io ? kCommandIo : kCommandMemory)) == 0) return std::nullopt;
    uint64_t at = config.load32(register_of(index));
    if (bar.kind == BarKind::Rom && (at & kRomEnable) == 0) return std::nullopt;
    if (is_64(bar.kind)) at |= uint64_t{config.load32(register_of(index) + 4)} << 32;
    const uint64_t size = bar.region->size();
    at &= ~(size - 1);
    // Address 0 means "not placed"; the top of the range is what sizing leaves behind while it looks.
    const uint64_t top = bar.kind == BarKind::Io ? 0xffff : is_64(bar.kind) ? ~uint64_t{0} : 0xffffffff;
    const uint64_t last = at + (size - 1);
    if (at == 0 || last < at || last > top || (last == top && bar.kind != BarKind::Io)) return std::nullopt;
    return at;
}

void BarSet::update(const ConfigSpace& config, const Spaces& spaces) {
    Topology::Transaction transaction(spaces.topology);
    for (unsigned i = 0; i < bars_.size(); ++i) {
        Bar& bar = bars_[i];
        if (bar.region == nullptr) continue;
        const std::optional<uint64_t> wanted = decoded(config, i);
        if (wanted == bar.mapped_at) continue;
        if (bar.mapped_at) spaces.topology.remove(*bar.region);
        if (wanted)
            spaces.topology.add(bar.kind == BarKind::Io ? spaces.io : spaces.memory, *bar.region, *wanted, 1);
        bar.mapped_at = wanted;
    }
}

void BarSet::unmap_all(const Spaces& spaces) {
    Topology::Transaction transaction(spaces.topology);
    for (Bar& bar : bars_) {
        if (bar.region == nullptr || !bar.mapped_at) continue;
        spaces.topology.remove(*bar.region);
        bar.mapped_at.reset();
    }
}

std::vector<BarSet::Info> BarSet::list() const {
    std::vector<Info> out;
    for (unsigned index = 0; index < bars_.size(); ++index)
        if (const Bar& bar = bars_[index]; bar.region != nullptr)
            out.push_back({index, bar.kind, bar.region->size(), bar.mapped_at});
    return out;
}

}  // namespace vmm::pci
