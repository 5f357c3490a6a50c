// A drive over a FakeNode, and guest memory: what tests of disk devices share.
#pragma once

#include <algorithm>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "backends/block/graph.h"
#include "backends/block/io_context.h"
#include "system/memory/address_space.h"
#include "system/memory/dma_space.h"
#include "system/memory/ram_block.h"
#include "system/memory/region.h"
#include "system/memory/topology.h"
#include "tests/fakes/fake_node.h"
#include "util/event_loop.h"

namespace vmm {

struct SeenBlockEvents final : block::BlockEvents {
    void io_error(const block::IoErrorReport& report) override { errors.push_back(report); }
    void tray_moved(const std::string&, const std::string&, bool open) override { trays.push_back(open); }
    std::vector<block::IoErrorReport> errors;
    std::vector<bool> trays;
};

// The host's side: a loop and a graph to which tests add FakeNodes.
struct DiskWorld {
    DiskWorld() : context(block::IoContext::create(loop).take_value()), graph(*context, events) {}
    block::FakeNode& add_node(uint64_t size, const std::string& name = "n") {
        auto node = std::make_unique<block::FakeNode>(*context, size, block::FakeNode::fake_options(name));
        block::FakeNode& made = *node;
        // Every sector knows its number.
        for (size_t at = 0; at + 512 <= size; at += 512)
            std::iota(made.data.begin() + static_cast<ptrdiff_t>(at),
                      made.data.begin() + static_cast<ptrdiff_t>(at + 512), static_cast<uint8_t>(at / 512));
        graph.add(std::move(node), true);
        return made;
    }
    // Turns the loop until the condition holds. False: it never did.
    template <typename F>
    bool run_until(F condition) {
        const int64_t end = monotonic_ns() + 5'000'000'000;
        while (!condition() && monotonic_ns() < end)
            (void)loop.iterate(false);
        return condition();
    }
    void turn() {
        while (loop.iterate(false)) {
        }
    }

    EventLoop loop;
    SeenBlockEvents events;
    std::unique_ptr<block::IoContext> context;
    block::BlockGraph graph;
};

// Sixteen MiB of RAM at 0 and nothing else.
struct GuestRam {
    static constexpr uint64_t kSize = uint64_t{16} << 20;
    GuestRam() { topology.add(root, region, 0); }
    uint8_t* at(uint64_t address) { return block->data() + address; }
    std::vector<uint8_t> bytes(uint64_t address, size_t size) { return {at(address), at(address) + size}; }

    std::unique_ptr<RamBlock> block = RamBlock::anonymous("ram", kSize).take_value();
    Topology topology;
    MemoryRegion root = MemoryRegion::container("root", MemoryRegion::kWholeSpace);
    MemoryRegion region = MemoryRegion::ram("ram", *block);
    AddressSpace space{topology, root, "memory"};
    DmaSpace dma{space};
};

}  // namespace vmm
