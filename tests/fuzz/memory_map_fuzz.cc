// Any sequence of changes to the memory map: the flat view answers, at every address, as the tree's
// definition says, and accesses of any width and place end.
#include <array>
#include <memory>
#include <optional>
#include <vector>

#include "system/memory/address_space.h"
#include "system/memory/ram_block.h"
#include "system/memory/region.h"
#include "system/memory/region_ops.h"
#include "system/memory/topology.h"

using namespace vmm;

namespace {

constexpr uint64_t kSpace = 256;

class Device : public IoOps {
  public:
    uint64_t read(uint64_t offset, unsigned size) override { return offset * size; }
    void write(uint64_t, uint64_t, unsigned) override {}
    IoSizes sizes() const override { return io_sizes; }
    IoSizes io_sizes;
};

// Regions do not move: made where they stay.
struct Held {
    template <typename Make>
    explicit Held(Make make) : region(make()) {}
    MemoryRegion region;
};

class Input {
  public:
    Input(const uint8_t* data, size_t size) : data_(data), size_(size) {}
    bool empty() const { return at_ >= size_; }
    uint8_t next() { return empty() ? uint8_t{0} : data_[at_++]; }

  private:
    const uint8_t* data_;
    size_t size_;
    size_t at_ = 0;
};

struct Answer {
    const MemoryRegion* region = nullptr;
    uint64_t offset = 0;
};
Answer ask(MemoryRegion& region, uint64_t offset) {
    if (!region.enabled() || offset > region.last_offset()) return {};
    if (region.kind() == MemoryRegion::Kind::Alias)
        return ask(*region.alias_target(), offset + region.alias_offset());
    if (region.kind() != MemoryRegion::Kind::Container) return {&region, offset};
    for (MemoryRegion* child : region.children()) {
        if (offset < child->offset()) continue;
        Answer answer = ask(*child, offset - child->offset());
        if (answer.region != nullptr) return answer;
    }
    return {};
}

class Map {
  public:
    explicit Map(uint8_t widths) {
        device_.io_sizes = {.accepted_min = static_cast<uint8_t>(1 << (widths & 1)),
                            .accepted_max = static_cast<uint8_t>(2 << ((widths >> 1) & 1)),
                            .implemented_min = static_cast<uint8_t>(1 << ((widths >> 2) & 3) >> 1 | 1),
                            .implemented_max = 4,
                            .unaligned = (widths & 0x80) != 0};
        if (device_.io_sizes.implemented_min == 3) device_.io_sizes.implemented_min = 2;
        if (device_.io_sizes.implemented_min > 4) device_.io_sizes.implemented_min = 4;
        leaves_[0].emplace([&] { return MemoryRegion::ram("ram", *ram_); });
        leaves_[1].emplace([&] { return MemoryRegion::rom_device("flash", *ram_, device_); });
        leaves_[2].emplace([&] { return MemoryRegion::io("io", 40, device_); });
        leaves_[3].emplace([&] { return MemoryRegion::container("bus", 100); });
        leaves_[4].emplace([&] { return MemoryRegion::alias("a", leaves_[0]->region, 10, 60); });
        leaves_[5].emplace([&] { return MemoryRegion::alias("b", leaves_[3]->region, 5, 50); });
    }
    ~Map() {
        leaves_[5].reset();
        leaves_[4].reset();
    }

    void change(Input& in) {
        MemoryRegion& region = leaves_[in.next() % leaves_.size()]->region;
        switch (in.next() % 6) {
            case 0:
                if (region.parent() == nullptr) place(region, in);
                break;
            case 1:
                topology_.remove(region);
                break;
            case 2:
                topology_.set_enabled(region, (in.next() & 1) != 0);
                break;
            case 3:
                topology_.set_offset(region, in.next());
                break;
            case 4:
                topology_.set_readonly(region, (in.next() & 1) != 0);
                break;
            case 5:
                if (region.kind() == MemoryRegion::Kind::Alias) topology_.set_alias_offset(region, in.next());
                if (region.kind() == MemoryRegion::Kind::RomDevice)
                    topology_.set_rom_device_mode(
                        region, (in.next() & 1) != 0 ? RomDeviceMode::Io : RomDeviceMode::Memory);
                break;
        }
    }
    void access(Input& in) {
        Gpa at(in.next());
        unsigned size = 1 + in.next() % 8;
        lookup_.store(at, 0x1122334455667788, size);
        (void)lookup_.load(at, size);
        std::array<uint8_t, 64> bytes;
        (void)space_.read(at, bytes);
        (void)space_.write(at, bytes);
    }
    void check() {
        FlatViewPtr view = space_.view();
        for (uint64_t at = 0; at < kSpace; ++at) {
            const FlatSection* s = view->find(Gpa(at));
            Answer wanted = ask(root_, at);
            CHECK((s != nullptr ? s->region : nullptr) == wanted.region, "the wrong region answers");
            CHECK(s == nullptr || s->offset_in_region + (at - s->range.first().raw()) == wanted.offset,
                  "at the wrong offset");
        }
    }

  private:
    void place(MemoryRegion& region, Input& in) {
        bool in_bus = (in.next() & 1) != 0 && region.kind() != MemoryRegion::Kind::Container &&
                      region.kind() != MemoryRegion::Kind::Alias;
        MemoryRegion& parent = in_bus ? leaves_[3]->region : root_;
        uint64_t offset = in.next();
        topology_.add(parent, region, offset, in.next() % 4);
    }

    std::unique_ptr<RamBlock> ram_ = RamBlock::anonymous("ram", 4096).take_value();
    Device device_;
    Topology topology_;
    MemoryRegion root_ = MemoryRegion::container("root", kSpace);
    AddressSpace space_{topology_, root_, "fuzz"};
    AddressSpace::Lookup lookup_{space_};
    std::array<std::optional<Held>, 6> leaves_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    Input in(data, size);
    Map map(in.next());
    while (!in.empty()) {
        if ((in.next() & 3) == 0)
            map.access(in);
        else
            map.change(in);
        map.check();
    }
    return 0;
}
