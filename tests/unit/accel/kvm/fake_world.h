// A machine for vCPU tests on the model of KVM: memory and port spaces, a device that records, requests that
// are noted, an architecture that does nothing.
#pragma once

#include <sys/mman.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "accel/kvm/accelerator.h"
#include "system/memory/ram_block.h"
#include "system/memory/region_ops.h"
#include "system/memory/topology.h"
#include "tests/fakes/fake_kvm.h"

namespace vmm::kvm {

class IdleArch final : public VcpuArch {
  public:
    Status prepare(Vcpu&) override { return {}; }
    Status reset(Vcpu&) override { return {}; }
    void before_run(Vcpu&) override {}
    std::optional<ExitAction> handle_exit(Vcpu&, const GuestWorld&) override { return std::nullopt; }
    std::string registers(Vcpu&, RegisterDetail) override { return "REGISTERS"; }
};

class NotedRequests final : public MachineRequests {
  public:
    void request_reset(ShutdownCause) override { note("reset"); }
    void request_shutdown(ShutdownCause) override { note("shutdown"); }
    void report_panic(PanicReport report) override {
        note("panic " + std::to_string(report.code) + " '" + report.message + "'" +
             (report.gpa ? " at " + std::to_string(*report.gpa) : ""));
    }
    void request_exit(int status) override { note("exit " + std::to_string(status)); }
    void report_internal_error(std::string text) override { note(text); }
    std::vector<std::string> all() {
        Locked lock(mutex_);
        return notes_;
    }

  private:
    void note(std::string text) {
        Locked lock(mutex_);
        notes_.push_back(std::move(text));
    }
    Mutex mutex_{LockRank::Leaf, "noted requests"};
    std::vector<std::string> notes_;
};

// Writes in order; reads give what the test put there.
class RecordingDevice final : public IoOps {
  public:
    struct Access {
        uint64_t offset, value;
        unsigned size;
        bool operator==(const Access&) const = default;
    };
    uint64_t read(uint64_t offset, unsigned size) override {
        Locked lock(mutex_);
        reads.push_back({offset, 0, size});
        return value_to_read;
    }
    void write(uint64_t offset, uint64_t value, unsigned size) override {
        Locked lock(mutex_);
        writes.push_back({offset, value, size});
    }
    IoSizes sizes() const override { return {1, 8, 1, 8, true}; }
    Mutex mutex_{LockRank::Device, "recording device"};
    std::vector<Access> reads, writes;
    uint64_t value_to_read = 0;
};

class ScriptedConverter final : public GuestConverter {
  public:
    Answer convert(GpaRange range, Visibility to) override {
        asked.push_back({range, to});
        if (answer.why.empty()) return {answer.outcome, {}};
        return {answer.outcome, Error::make("%s", answer.why.c_str())};
    }
    bool faults_ask() const override { return believe_faults; }
    std::vector<std::pair<GpaRange, Visibility>> asked;
    struct {
        Outcome outcome = Outcome::Done;
        std::string why;
    } answer;
    bool believe_faults = true;
};

struct FakeWorld {
    explicit FakeWorld(IrqChipMode mode = IrqChipMode::Split, uint32_t type = abi::kVmDefault) {
        fake.vm_types = 3;
        VmRequirements needs;
        needs.vm_type = type;
        kvm = Kvm::open(fake, "/dev/null").take_value();
        vm = Vm::create(*kvm, needs).take_value();
        accelerator = std::make_unique<Accelerator>(*vm, mode);
        topology.add(ports_root, ports_region, 0x80);
        topology.add(memory_root, memory_region, 0x10000);
    }
    void add_vcpus(unsigned count) {
        CHECK(static_cast<bool>(accelerator->map_memory(memory)), "map");
        CHECK(static_cast<bool>(accelerator->create_irqchip()), "irqchip");
        for (unsigned i = 0; i < count; i++) {
            GuestWorld world{memory, ports, requests, &converter, nullptr};
            Status added = accelerator->add_vcpu(i, std::make_unique<IdleArch>(), world);
            CHECK(static_cast<bool>(added), "%s", added.error().text().c_str());
        }
    }
    Vcpus& vcpus() { return accelerator->vcpus(); }
    // Waits until the model's vCPU has used up its script and is back in the guest.
    void play(uint32_t id = 0) {
        bool finished = false;
        fake.then(id, [&finished](kvm_run&) {
            std::atomic_ref(finished).store(true);
            return -EINTR;
        });
        vcpus().resume_all();
        while (!std::atomic_ref(finished).load())
            std::this_thread::sleep_for(std::chrono::microseconds(100));
        vcpus().pause_all();
    }

    FakeKvm fake;
    Topology topology;
    RecordingDevice port_device, memory_device;
    MemoryRegion ports_root = MemoryRegion::container("io", 0x10000);
    MemoryRegion memory_root = MemoryRegion::container("system", MemoryRegion::kWholeSpace);
    MemoryRegion ports_region = MemoryRegion::io("ports", 0x10, port_device);
    MemoryRegion memory_region = MemoryRegion::io("mmio", 0x1000, memory_device);
    AddressSpace memory{topology, memory_root, "memory"};
    AddressSpace ports{topology, ports_root, "I/O"};
    NotedRequests requests;
    ScriptedConverter converter;
    std::unique_ptr<Kvm> kvm;
    std::unique_ptr<Vm> vm;
    std::unique_ptr<Accelerator> accelerator;
};

// RAM with both sides that starts private.
inline std::unique_ptr<RamBlock> private_ram(FakeWorld& world, uint64_t size) {
    RamBlock::Config config;
    config.id = "ram";
    config.mapping =
        MappedRegion::map(size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS).take_value();
    config.gmem = Gmem::create(world.accelerator->gmem_factory(), {.size = size}).take_value();
    config.initial = Visibility::Private;
    return std::make_unique<RamBlock>(std::move(config));
}

}  // namespace vmm::kvm
