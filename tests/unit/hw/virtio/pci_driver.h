// A machine with guest memory at 0 and a virtio function made as users make it, and a driver that speaks to
// its registers (modern or legacy) and hands out ring drivers for its queues.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "hw/virtio/pci_layout.h"
#include "hw/virtio/pci_transport.h"
#include "hw/virtio/types.h"
#include "tests/fakes/reads_once.h"
#include "tests/fakes/virtio_driver.h"
#include "tests/unit/hw/pci/tree_fixture.h"

namespace vmm::virtio {

struct VirtioMachine : pci::PciTree {
    DriverMemory memory;
    VirtioMachine() {
        env.topology().add(env.system_space(), memory.ram, 0);
        register_types(types);
    }
    ~VirtioMachine() { env.topology().remove(memory.ram); }
};

class PciDriver {
  public:
    static constexpr uint64_t kBar = 0xc0000000, kMsix = 0xc1000000;
    static constexpr uint16_t kPorts = 0xc000;

    // The function's BARs are placed and decoding and bus mastering turned on.
    PciDriver(VirtioMachine& machine, const char* id) : machine_(machine), function_(machine.function(id)) {
        function_.config_write(pci::kBar0 + 4 * kModernBar, static_cast<uint32_t>(kBar), 4);
        function_.config_write(pci::kBar0 + 4 * kMsixBar, static_cast<uint32_t>(kMsix), 4);
        function_.config_write(pci::kBar0, kPorts, 4);
        function_.config_write(pci::kCommand, 7, 2);
    }
    pci::Function& function() { return function_; }
    VirtioMachine& machine() { return machine_; }
    virtio::Device& device() { return static_cast<PciTransport&>(function_).device(); }

    uint64_t get(uint64_t offset, unsigned size) {
        return machine_.env.memory().load(Gpa(kBar + offset), size);
    }
    void put(uint64_t offset, uint64_t value, unsigned size) {
        machine_.env.memory().store(Gpa(kBar + offset), value, size);
    }
    uint64_t config(uint64_t offset, unsigned size) { return get(kDeviceAt + offset, size); }
    uint32_t in(uint16_t port, unsigned size) {
        return static_cast<uint32_t>(machine_.env.ports().load(Gpa(kPorts + port), size));
    }
    void out(uint16_t port, uint32_t value, unsigned size) {
        machine_.env.ports().store(Gpa(kPorts + port), value, size);
    }

    uint64_t features() {
        put(common::kDeviceFeatureSelect, 0, 4);
        const uint64_t low = get(common::kDeviceFeature, 4);
        put(common::kDeviceFeatureSelect, 1, 4);
        return low | get(common::kDeviceFeature, 4) << 32;
    }
    // Up to FEATURES_OK; whether the device took them.
    bool agree(uint64_t wanted) {
        put(common::kStatus, 0, 1);
        put(common::kStatus, kAcknowledge | kDriver, 1);
        for (uint32_t half : {0u, 1u}) {
            put(common::kDriverFeatureSelect, half, 4);
            put(common::kDriverFeature, static_cast<uint32_t>(wanted >> (32 * half)), 4);
        }
        put(common::kStatus, kAcknowledge | kDriver | kFeaturesOk, 1);
        features_ = wanted;
        return (get(common::kStatus, 1) & kFeaturesOk) != 0;
    }
    void ready() { put(common::kStatus, kAcknowledge | kDriver | kFeaturesOk | kDriverOk, 1); }
    RingDriver& add_queue(uint16_t index, uint16_t size = 0) {
        put(common::kQueueSelect, index, 2);
        if (size == 0) size = static_cast<uint16_t>(get(common::kQueueSize, 2));
        rings_.resize(std::max<size_t>(rings_.size(), index + 1u));
        rings_[index] = RingDriver::create(machine_.memory, size, features_);
        const RingPlace& place = rings_[index]->place;
        put(common::kQueueSize, size, 2);
        put(common::kQueueDesc, place.descriptors, 8);
        put(common::kQueueDriver, place.driver, 8);
        put(common::kQueueDevice, place.device, 8);
        put(common::kQueueEnable, 1, 2);
        return *rings_[index];
    }
    RingDriver& ring(uint16_t index) { return *rings_[index]; }
    // A driver with VERSION_1, what is wanted of the device's features beside it, and its first queues.
    void start(uint64_t wanted = 0, uint16_t queues = 1) {
        ASSERT_TRUE(agree(kVersion1 | wanted));
        for (uint16_t i = 0; i < queues; ++i)
            add_queue(i);
        ready();
        settle();
    }
    void notify(uint16_t index) {
        put(kNotifyAt + 4u * index, index, 2);
        settle();
    }
    void settle() { machine_.settle(); }

    // Hands the buffers to a queue and gives what came back at once. The device reads no byte of them twice.
    std::optional<UsedBuffer> run(uint16_t index, const std::vector<DriverBuffer>& buffers) {
        const ReadsOnce reads(machine_.env.memory());
        CHECK(ring(index).add(buffers, false).has_value(), "the ring is full");
        notify(index);
        for (const DriverBuffer& buffer : buffers)
            reads.expect(buffer.address, buffer.size, buffer.writable ? "a buffer to write" : "a buffer");
        return ring(index).take_used();
    }
    // Guest memory with these bytes, and guest memory to be written.
    DriverBuffer with(std::span<const uint8_t> bytes) {
        const uint64_t at = machine_.memory.allocate(std::max<size_t>(bytes.size(), 1), 16);
        std::copy(bytes.begin(), bytes.end(), machine_.memory.block->data() + at);
        return {at, static_cast<uint32_t>(bytes.size()), false};
    }
    DriverBuffer room(uint32_t size) { return {machine_.memory.allocate(size, 16), size, true}; }
    std::span<uint8_t> bytes(const DriverBuffer& buffer) {
        return machine_.memory.bytes(buffer.address, buffer.size);
    }

  private:
    VirtioMachine& machine_;
    pci::Function& function_;
    uint64_t features_ = 0;
    std::vector<std::unique_ptr<RingDriver>> rings_;
};

}  // namespace vmm::virtio
