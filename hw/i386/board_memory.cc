// RAM, PCI space and firmware of a q35; see board_memory.h.
#include "hw/i386/board_memory.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "util/fd.h"
#include "util/size_text.h"

namespace vmm {

namespace {
constexpr int kPciPriority = -1;

uint64_t total_size(std::span<RamBlock* const> ram) {
    uint64_t total = 0;
    for (const RamBlock* block : ram)
        total += block->size();
    return total;
}

// Factories return regions that cannot move; this puts one on the heap.
template <typename Make>
std::unique_ptr<MemoryRegion> on_heap(Make make) {
    struct Elide {
        Make& make;
        operator MemoryRegion() const { return make(); }
    };
    return std::make_unique<MemoryRegion>(Elide{make});
}
}  // namespace

Result<std::unique_ptr<RamBlock>> load_firmware(const std::string& path) {
    auto in_context = [&](Error error) {
        return std::move(error).while_doing("could not load firmware '%s'", path.c_str());
    };
    Result<Fd> fd = open_file(path, O_RDONLY);
    if (!fd) return std::move(fd).take_error().while_doing("could not load firmware");
    struct stat info = {};
    if (::fstat(fd->get(), &info) < 0) return in_context(Error::from_errno(errno, "fstat"));
    auto size = static_cast<uint64_t>(info.st_size);
    if (!S_ISREG(info.st_mode) || size == 0) return in_context(Error::make("it is not a file with contents"));
    if (size > kMaxFirmwareSize) {
        return in_context(Error::make("it has %s, the limit is %s", size_text(size).c_str(),
                                      size_text(kMaxFirmwareSize).c_str()));
    }
    if (!is_aligned(size, kPageSize)) {
        return in_context(Error::make("it has %llu bytes, which is not a whole number of 4 KiB pages",
                                      static_cast<unsigned long long>(size)));
    }
    Result<std::unique_ptr<RamBlock>> block = RamBlock::anonymous("pc.bios", size);
    if (!block) return in_context(std::move(block).take_error());
    if (Status read = read_full(fd->get(), (*block)->bytes()); !read)
        return in_context(std::move(read).take_error());
    return block;
}

BoardMemory::BoardMemory(Topology& topology, MemoryRegion& system, const Q35Map& map,
                         std::span<RamBlock* const> ram, std::unique_ptr<RamBlock> firmware,
                         FirmwarePlace place)
    : topology_(topology),
      firmware_(std::move(firmware)),
      pci_(MemoryRegion::container("pci", MemoryRegion::kWholeSpace)),
      ram_(MemoryRegion::container("pc.ram", total_size(ram))) {
    uint64_t below = map.ram_below.size();
    uint64_t above = map.ram_above ? map.ram_above->size() : 0;
    CHECK(total_size(ram) == below + above, "RAM blocks and memory map differ");
    Topology::Transaction transaction(topology_);
    topology_.add(system, pci_, 0, kPciPriority);
    uint64_t offset = 0;
    for (RamBlock* block : ram) {
        pieces_.push_back(on_heap([&] { return MemoryRegion::ram(block->id(), *block); }));
        topology_.add(ram_, *pieces_.back(), offset);
        offset += block->size();
    }
    windows_.push_back(on_heap([&] { return MemoryRegion::alias("ram-below-4g", ram_, 0, below); }));
    topology_.add(system, *windows_.back(), 0);
    if (above != 0) {
        windows_.push_back(on_heap([&] { return MemoryRegion::alias("ram-above-4g", ram_, below, above); }));
        topology_.add(system, *windows_.back(), map.ram_above->first().raw());
    }
    if (!firmware_) return;
    windows_.push_back(on_heap([&] {
        return place == FirmwarePlace::Ram ? MemoryRegion::ram("pc.bios", *firmware_)
                                           : MemoryRegion::rom("pc.bios", *firmware_);
    }));
    MemoryRegion& rom = *windows_.back();
    topology_.add(pci_, rom, map.firmware->first().raw());
    // Private pages can be in one place only.
    if (place == FirmwarePlace::Rom) show_below_1m(map, rom);
}

void BoardMemory::show_below_1m(const Q35Map& map, MemoryRegion& firmware) {
    const uint64_t visible = std::min(map.isa_bios->size(), firmware.size());
    windows_.push_back(on_heap(
        [&] { return MemoryRegion::alias("isa-bios", firmware, firmware.size() - visible, visible); }));
    topology_.add(pci_, *windows_.back(), kShadowBase + kShadowSize - visible);
}

void BoardMemory::add_flash(const Q35Map& map, std::span<MemoryRegion* const> flash) {
    Topology::Transaction transaction(topology_);
    uint64_t end = map.firmware->first().raw() + map.firmware->size();
    for (MemoryRegion* region : flash) {
        end -= region->size();
        topology_.add(pci_, *region, end);
        flash_.push_back(region);
    }
    show_below_1m(map, *flash.front());
}

BoardMemory::~BoardMemory() {
    Topology::Transaction transaction(topology_);
    for (auto window = windows_.rbegin(); window != windows_.rend(); ++window)
        topology_.remove(**window);
    for (MemoryRegion* flash : flash_)
        topology_.remove(*flash);
    for (const std::unique_ptr<MemoryRegion>& piece : pieces_)
        topology_.remove(*piece);
    topology_.remove(pci_);
    // An alias goes before what it shows.
    while (!windows_.empty())
        windows_.pop_back();
}

}  // namespace vmm
