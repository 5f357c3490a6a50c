// A machine with one block node, "fake", of 1 MiB that holds a pattern; for tests of disks behind virtio.
#pragma once

#include "tests/unit/backends/block/block_fixture.h"
#include "tests/unit/hw/virtio/pci_driver.h"

namespace vmm::virtio {

struct DiskWorld {
    static constexpr uint64_t kDiskSize = 1 * kMiB;
    VirtioMachine machine;
    std::unique_ptr<block::IoContext> context = block::IoContext::create(machine.env.loop()).take_value();
    block::TestEvents events;
    block::BlockGraph graph{*context, events};
    block::FakeNode* disk = nullptr;

    DiskWorld() {
        auto node = std::make_unique<block::FakeNode>(*context, kDiskSize);
        disk = node.get();
        graph.add(std::move(node), true);
        machine.env.hosts.graph = &graph;
        for (size_t i = 0; i < disk->data.size(); ++i)
            disk->data[i] = static_cast<uint8_t>(i / 512 * 3 + i);
    }
    std::string add_device(std::initializer_list<std::pair<const char*, const char*>> list) {
        qapi::Dict all;
        for (const auto& [name, value] : list)
            all.set(name, qapi::Value(std::string(value)));
        return machine.add(all);
    }
    // Before the drive goes.
    void end(const char* id) {
        if (machine.tree.find(id) == nullptr) return;
        (void)static_cast<bool>(machine.tree.request_removal(id));
        machine.settle();
        CHECK(machine.tree.find(id) == nullptr, "'%s' stays", id);
    }
};

}  // namespace vmm::virtio
