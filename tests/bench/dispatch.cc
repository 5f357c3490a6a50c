// What one exit costs beside the kernel: the vCPU loop and the way to a device, with a KVM_RUN that returns
// at once with the same port or memory write. usage: dispatch [EXITS]. Prints nanoseconds an exit.
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "tests/unit/accel/kvm/fake_world.h"

namespace {

using namespace vmm;
using namespace vmm::kvm;

// The model for everything but KVM_RUN.
class InstantDoor final : public IoctlDoor {
  public:
    int call(int fd, unsigned long request, void* argument) override {
        if (request != KVM_RUN) return fake.call(fd, request, argument);
        if (left.fetch_sub(1, std::memory_order_relaxed) > 0) return 0;
        finished.store(true);
        while (std::atomic_ref(fake.vcpu(0).run->immediate_exit).load() == 0) {
        }
        return -EINTR;
    }
    FakeKvm fake;
    std::atomic<long> left{0};
    std::atomic<bool> finished{false};
};

class NullDevice final : public IoOps {
  public:
    uint64_t read(uint64_t, unsigned) override { return 0; }
    void write(uint64_t, uint64_t, unsigned) override { writes++; }
    long writes = 0;
};

void measure(const char* name, const FakeKvm::Step& exit, long exits) {
    InstantDoor door;
    auto kvm = Kvm::open(door, "/dev/null").take_value();
    auto vm = Vm::create(*kvm, {}).take_value();
    Topology topology;
    NullDevice device;
    MemoryRegion memory_root = MemoryRegion::container("system", MemoryRegion::kWholeSpace);
    MemoryRegion ports_root = MemoryRegion::container("io", 0x10000);
    MemoryRegion port = MemoryRegion::io("port", 1, device);
    MemoryRegion registers = MemoryRegion::io("registers", 0x1000, device);
    topology.add(ports_root, port, 0x80);
    topology.add(memory_root, registers, 0xfed00000);
    AddressSpace memory(topology, memory_root, "memory"), ports(topology, ports_root, "I/O");
    NotedRequests requests;
    Accelerator accelerator(*vm, IrqChipMode::Split);
    GuestWorld world{memory, ports, requests, nullptr, nullptr};
    CHECK(static_cast<bool>(accelerator.map_memory(memory)), "map");
    CHECK(static_cast<bool>(accelerator.add_vcpu(0, std::make_unique<IdleArch>(), world)), "vcpu");
    (void)exit(accelerator.vcpus().vcpu(VcpuId(0)).page());
    door.left = exits;
    auto before = std::chrono::steady_clock::now();
    accelerator.vcpus().resume_all();
    while (!door.finished.load())
        std::this_thread::yield();
    auto taken = std::chrono::steady_clock::now() - before;
    accelerator.vcpus().pause_all();
    CHECK(device.writes == exits, "%ld of %ld writes arrived", device.writes, exits);
    std::printf("%-20s %6.1f ns\n", name,
                std::chrono::duration<double, std::nano>(taken).count() / static_cast<double>(exits));
    accelerator.unmap_memory();
}

}  // namespace

int main(int argc, char** argv) {
    long exits = argc > 1 ? std::atol(argv[1]) : 2000000;
    measure("port write", FakeKvm::port_out(0x80, 1), exits);
    measure("memory write", FakeKvm::mmio_write(0xfed000f0, 1, 4), exits);
    return 0;
}
