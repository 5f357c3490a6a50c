// What the fuzz targets of both ring formats share: guest memory whose first pages are the input, rings
// placed within it, and a device that takes and gives back buffers while the memory changes. Whatever is
// there, the ring ends in bounded work, never names memory beyond a buffer's bounds, and once broken stays
// so.
#pragma once

#include <algorithm>
#include <memory>
#include <span>

#include "hw/virtio/packed_ring.h"
#include "hw/virtio/split_ring.h"
#include "tests/fakes/virtio_driver.h"

namespace vmm::virtio {

struct FuzzMachine {
    static constexpr size_t kMemory = 64 * kKiB;
    Topology topology;
    MemoryRegion root = MemoryRegion::container("memory", MemoryRegion::kWholeSpace);
    AddressSpace space{topology, root, "memory"};
    std::unique_ptr<RamBlock> block = RamBlock::anonymous("ram", kMemory).take_value();
    MemoryRegion ram = MemoryRegion::ram("ram", *block);
    FuzzMachine() { topology.add(root, ram, 0); }
    ~FuzzMachine() { topology.remove(ram); }
};

inline void check_chain(const Chain& chain) {
    CHECK(chain.readable().size() + chain.writable().size() <= kMaxSegments, "too many pieces");
    for (const Segments pieces : {chain.readable(), chain.writable()})
        for (const Segment& piece : pieces)
            CHECK(GpaRange::make(piece.address, piece.size).has_value(), "a piece wraps or is empty");
}

// Header of four bytes: size, features; then 3 bytes a step of the program up to a zero byte; the rest is
// memory.
inline void fuzz_ring(std::span<const uint8_t> data, bool packed) {
    if (data.size() < 4) return;
    FuzzMachine machine;
    const uint64_t features = (data[1] & 1 ? kIndirect : 0) | (data[1] & 2 ? kEventIdx : 0) |
                              (data[1] & 4 ? kNotifyOnEmpty : 0) | (packed ? kRingPacked : 0);
    RingPlace place{.size = static_cast<uint16_t>(packed ? 1 + data[0] % 64 : 1u << data[0] % 7)};
    place.descriptors = 0;
    place.driver = data[2] % 2 == 0 ? 1024 : FuzzMachine::kMemory - 64;  // partly beyond the end
    place.device = 2048;
    std::unique_ptr<Ring> ring;
    if (packed)
        ring = std::make_unique<PackedRing>(machine.space, place, features);
    else
        ring = std::make_unique<SplitRing>(machine.space, place, features);
    const size_t steps = std::min<size_t>(data[3], (data.size() - 4) / 3);
    const auto program = data.subspan(4, steps * 3);
    const auto memory = data.subspan(4 + steps * 3);
    std::copy_n(memory.begin(), std::min(memory.size(), machine.block->size()), machine.block->data());
    std::vector<std::unique_ptr<Chain>> held;
    for (size_t i = 0; i < program.size(); i += 3) {
        const unsigned where = (program[i + 1] | unsigned{program[i + 2]} << 8) % FuzzMachine::kMemory;
        switch (program[i] % 6) {
            case 0: {
                auto chain = std::make_unique<Chain>();
                const Ring::Pop got = ring->pop(*chain);
                if (got == Ring::Pop::Broken) {
                    CHECK(!ring->error().empty(), "broken without a reason");
                    return;
                }
                if (got == Ring::Pop::Empty) break;
                check_chain(*chain);
                if (held.size() < place.size) held.push_back(std::move(chain));
                break;
            }
            case 1:
                if (held.empty()) break;
                if (!ring->push(*held[where % held.size()], where)) return;
                held.erase(held.begin() + static_cast<std::ptrdiff_t>(where % held.size()));
                break;
            case 2:
                if (!ring->publish()) return;
                break;
            case 3:
                if (!ring->set_notify(where % 2 == 0)) return;
                break;
            case 4:
                if (!ring->available()) return;
                break;
            default:
                machine.block->data()[where] = program[i + 2];
                break;
        }
    }
}

}  // namespace vmm::virtio
