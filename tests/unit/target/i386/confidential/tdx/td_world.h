// A whole TDX launch on the model of the kernel: RAM and firmware with their private sides, vCPUs, and the
// guest object, taken through the calls that the board makes.
#pragma once

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstring>
#include <memory>
#include <vector>

#include "accel/model/launch_record.h"
#include "system/memory/ram_block.h"
#include "system/memory/topology.h"
#include "target/i386/confidential/launch_scene.h"
#include "target/i386/confidential/tdx/guest.h"
#include "target/i386/confidential/tdx/td_model.h"
#include "target/i386/kvm/x86_accelerator.h"
#include "tests/fakes/launch_faults.h"
#include "tests/unit/accel/kvm/fake_world.h"
#include "util/align.h"

namespace vmm::tdx {

class TdWorld {
  public:
    static constexpr uint64_t kRam = 512 * kMiB;

    explicit TdWorld(std::vector<uint8_t> image) : image_(std::move(image)) {
        fake.vm_types = 1u << abi::kVmTdx | 1u << abi::kVmDefault;
        fake.set_protection([this](uint32_t type, model::KernelModel& kvm_model) {
            std::unique_ptr<model::ProtectionModel> out;
            if (type == abi::kVmTdx) out = std::make_unique<TdModel>(kvm_model, &record, host);
            return out;
        });
    }

    // The whole way to a TD that could run; the first error otherwise.
    Status launch(unsigned vcpus) {
        TRY(make_vm());
        TRY(make_memory());
        TRY(make_vcpus(vcpus));
        return launch_here();
    }

    // As a reset does it: a new VM, and the launch in it.
    Status launch_again() {
        TRY(x86->rebuild());
        TRY(set_private());
        TRY(x86->accelerator().reset_vcpus());
        return launch_here();
    }
    // RAM that the TD has converted, for the host to see.
    void share(GpaRange range) {
        ram_->visibility().set(RamRange::of(RamOffset(range.first().raw()), range.size()),
                               Visibility::Shared);
    }
    TdModel& td() { return static_cast<TdModel&>(*fake.protection()); }
    std::string mrtd() {
        const auto all = td().measurements();
        return all.empty() ? "" : to_hex(all[0].value);
    }
    GuestWorld world() { return {memory, ports, requests, nullptr, nullptr}; }
    kvm::Vcpu& vcpu(unsigned i) {
        return static_cast<kvm::VcpuSet&>(x86->accelerator().vcpus()).vcpu(VcpuId(i));
    }

    TdModel::Host host = TdModel::usual_host();
    TdxGuest::Config config{.td = {.id = "tdx0"}, .quotes = {}};
    CpuRequest cpu{.model = "host"};
    CpuidPolicy policy;
    std::optional<LaunchKernel> kernel;
    FakeKvm fake;
    IoctlDoor* door = &fake;  // how it is reached
    model::LaunchRecord record;
    EventLoop loop;
    Topology topology;
    MemoryRegion memory_root = MemoryRegion::container("system", MemoryRegion::kWholeSpace);
    MemoryRegion ports_root = MemoryRegion::container("io", 0x10000);
    AddressSpace memory{topology, memory_root, "memory"};
    AddressSpace ports{topology, ports_root, "I/O"};
    kvm::NotedRequests requests;
    std::unique_ptr<TdxGuest> guest;
    std::unique_ptr<kvm::Kvm> kvm;
    std::unique_ptr<kvm::Vm> vm;
    std::unique_ptr<kvm::X86Accelerator> x86;

    ~TdWorld() {
        if (x86 != nullptr) x86->accelerator().unmap_memory();
    }

  private:
    Status launch_here() {
        LaunchMedia media{memory, {}, {}, {GpaRange::of(Gpa(0), kRam)}};
        media.firmware.push_back(
            {"fw.fd", GpaRange::of(Gpa(4 * kGiB - image_.size()), image_.size()), firmware_->bytes()});
        media.kernel = kernel;
        return x86->launch(media);
    }

    Status set_private() {
        AttributeSink& attributes = x86->accelerator().attributes();
        TRY(attributes.set_visibility(GpaRange::of(Gpa(0), kRam), Visibility::Private));
        return attributes.set_visibility(GpaRange::of(Gpa(4 * kGiB - image_.size()), image_.size()),
                                         Visibility::Private);
    }

    Status make_vm() {
        kvm = TRY(kvm::Kvm::open(*door, "/dev/null"));
        guest = TRY(TdxGuest::create(config, loop));
        guest->set_record(&record);
        VmRequirements needs;
        needs.vm_type = guest->requirements().vm_type;
        needs.vm_type_name = guest->requirements().vm_type_name;
        needs.private_memory = true;
        vm = TRY(kvm::Vm::create(*kvm, needs));
        TRY(guest->start(*vm));
        x86 = std::make_unique<kvm::X86Accelerator>(*vm, IrqChipMode::Split);
        TRY(x86->prepare({.map_gpa_range = true, .confidential = guest.get()}));
        TRY(guest->shape_cpu(cpu));
        HostCpu host_cpu;
        (void)guest->cpuid_masks(host_cpu);
        policy.phys_bits = 52;
        policy.xcr0 = 7;
        return guest->check_cpuid(policy, host_cpu);
    }

    Result<std::unique_ptr<RamBlock>> block(const char* id, uint64_t size) {
        RamBlock::Config made;
        made.id = id;
        made.mapping =
            TRY(MappedRegion::map(size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE));
        made.gmem = TRY(Gmem::create(*vm, {.size = size}));
        made.initial = Visibility::Private;
        return std::make_unique<RamBlock>(std::move(made));
    }

    Status make_memory() {
        ram_ = TRY(block("ram", kRam));
        firmware_ = TRY(block("bios", image_.size()));
        std::copy(image_.begin(), image_.end(), firmware_->data());
        const uint64_t at = 4 * kGiB - image_.size();
        ram_window_ = std::make_unique<Window>("ram", *ram_);
        firmware_window_ = std::make_unique<Window>("bios", *firmware_);
        topology.add(memory_root, ram_window_->region, 0);
        topology.add(memory_root, firmware_window_->region, at);
        TRY(x86->accelerator().map_memory(memory));
        TRY(set_private());
        return x86->accelerator().create_irqchip();
    }

    Status make_vcpus(unsigned count) {
        for (unsigned i = 0; i < count; ++i) {
            X86CpuSetup setup{.index = i,
                              .cpuid = {{.function = 0, .eax = 0x1f},
                                        {.function = 1, .eax = 0xc06f2, .ecx = 0x80202000},
                                        {.function = 0x80000008, .eax = 0x3934}},
                              .feature_msrs = {{0x10a, 1}},
                              .apic_id = i,
                              .boot_processor = i == 0};
            TRY(x86->add_cpu(std::move(setup), world()));
        }
        return x86->accelerator().reset_vcpus();
    }

    std::vector<uint8_t> image_;
    std::unique_ptr<RamBlock> ram_, firmware_;
    struct Window {
        Window(const char* name, RamBlock& memory) : region(MemoryRegion::ram(name, memory)) {}
        MemoryRegion region;
    };
    std::unique_ptr<Window> ram_window_, firmware_window_;
};

// For LaunchFaults.
struct TdSubject {
    explicit TdSubject(std::vector<uint8_t> image) : world(std::move(image)) {}
    FakeKvm& kernel() { return world.fake; }
    Status launch() { return world.launch(2); }
    std::string measurement() { return world.mrtd(); }
    TdWorld world;
};

}  // namespace vmm::tdx
