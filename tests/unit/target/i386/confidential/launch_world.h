// A small machine on the model of the kernel in which guests of SEV's kinds are launched: RAM, firmware,
// vCPUs with their reset state, as the board makes them. Header only.
#pragma once

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <memory>

#include "accel/kvm/accelerator.h"
#include "system/memory/ram_block.h"
#include "system/memory/topology.h"
#include "target/i386/confidential/guest.h"
#include "target/i386/confidential/launch_scene.h"
#include "target/i386/confidential/model/protections.h"
#include "target/i386/confidential/sev/policy.h"
#include "target/i386/confidential/sev/sev_guest.h"
#include "target/i386/confidential/sev/snp_guest.h"
#include "target/i386/kvm/x86_accelerator.h"
#include "tests/fakes/fake_kvm.h"
#include "tests/fakes/fake_requests.h"
#include "tests/fakes/launch_faults.h"
#include "tests/unit/target/i386/confidential/vectors.h"

namespace vmm {

class LaunchWorld {
  public:
    LaunchWorld(const char* file, uint32_t vm_type) : LaunchWorld(*vectors::find_file(file), vm_type) {}
    LaunchWorld(vectors::Bytes image, uint32_t vm_type) : image_(std::move(image)), vm_type_(vm_type) {
        kernel.vm_types = 0x3f;
        kernel.opens_any_device = true;
        kernel.knows_any_msr = true;
        model::add_protections(kernel, firmware_model, &record);
    }

    void set_kernel(vectors::Bytes k, vectors::Bytes i, std::string line) {
        kernel_ = std::move(k);
        initrd_ = std::move(i);
        line_ = std::move(line);
        has_kernel_ = true;
    }
    void make(std::unique_ptr<ConfidentialGuest> made) { guest = std::move(made); }

    // Everything from the VM to the end of the launch; or in parts.
    Status launch() {
        TRY(prepare_only());
        TRY(launch_only());
        return guest->finish();
    }
    Status prepare_only() {
        guest->set_record(&record);
        TRY(make_vm());
        TRY(guest->prepare(images(), has_kernel_));
        TRY(guest->start(*vm));
        TRY(map());
        for (unsigned i = 0; i < vcpus; ++i)
            TRY(add_vcpu(i));
        return x86->accelerator().reset_vcpus();
    }
    Status launch_only() {
        LaunchMedia media{.memory = memory, .firmware = images(), .kernel = {}, .ram = {}};
        if (has_kernel_) media.kernel = LaunchKernel{kernel_, initrd_, line_};
        return x86->launch(media);
    }
    // As a reset does it: a new VM, and the launch in it.
    Status launch_again() {
        TRY(x86->rebuild());
        TRY(set_initial_visibility());
        TRY(x86->accelerator().reset_vcpus());
        TRY(launch_only());
        return guest->finish();
    }
    std::string measurement() {
        const auto all = kernel.protection()->measurements();
        return all.empty() ? "" : to_hex(all.front().value);
    }
    int set_regs(unsigned index, kvm_regs& regs) {
        auto& set = static_cast<kvm::Accelerator&>(x86->accelerator()).vcpus();
        return kernel.call(set.vcpu(VcpuId(index)).fd(), KVM_SET_REGS, &regs);
    }

    unsigned vcpus = 1;
    uint32_t signature = 0x800f12;
    uint64_t ram_size = 16 * kMiB;
    model::SevFirmware firmware_model;
    model::LaunchRecord record;
    FakeKvm kernel;
    IoctlDoor* door = &kernel;  // how it is reached
    std::unique_ptr<ConfidentialGuest> guest;

    std::vector<LaunchImage> images() {
        return {
            {"fw.fd", GpaRange::of(Gpa((uint64_t{1} << 32) - bios->size()), bios->size()), bios->bytes()}};
    }
    Status make_vm() {
        kvm_ = std::make_unique<kvm::Kvm>(*door, TRY(kernel.open_device("/dev/kvm")));
        VmRequirements needs;
        needs.vm_type = vm_type_;
        needs.private_memory = guest->requirements().private_memory;
        vm = TRY(kvm::Vm::create(*kvm_, needs));
        bios = TRY(make_block("pc.bios", image_.size()));
        std::copy(image_.begin(), image_.end(), bios->bytes().begin());
        ram = TRY(make_block("pc.ram", ram_size));
        return {};
    }
    Result<std::unique_ptr<RamBlock>> make_block(const char* id, uint64_t size) {
        RamBlock::Config config;
        config.id = id;
        config.mapping =
            TRY(MappedRegion::map(size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE));
        if (guest->requirements().private_memory) {
            config.gmem = TRY(Gmem::create(*vm, {.size = size}));
            config.initial = Visibility::Private;
        }
        return std::make_unique<RamBlock>(std::move(config));
    }
    Status map() {
        x86 = std::make_unique<kvm::X86Accelerator>(*vm, IrqChipMode::Kernel);
        TRY(x86->prepare({.confidential = guest.get()}));
        ram_region = std::make_unique<Region>("pc.ram", *ram);
        bios_region = std::make_unique<Region>("pc.bios", *bios);
        topology.add(system, ram_region->region, 0);
        topology.add(system, bios_region->region, (uint64_t{1} << 32) - bios->size());
        TRY(x86->accelerator().map_memory(memory));
        TRY(set_initial_visibility());
        return x86->accelerator().create_irqchip();
    }

  private:
    Status set_initial_visibility() {
        if (!guest->requirements().private_memory) return {};
        TRY(set_private(0, ram->size()));
        return set_private((uint64_t{1} << 32) - bios->size(), bios->size());
    }
    Status set_private(uint64_t gpa, uint64_t size) {
        return x86->accelerator().attributes().set_visibility(GpaRange::of(Gpa(gpa), size),
                                                              Visibility::Private);
    }
    Status add_vcpu(unsigned index) {
        X86CpuSetup setup{.index = index,
                          .cpuid = {{.function = 1, .eax = signature, .edx = 0x178bfbff}},
                          .apic_id = index,
                          .boot_processor = index == 0};
        return x86->add_cpu(std::move(setup),
                            GuestWorld{.memory = memory, .ports = ports, .requests = requests});
    }
    struct Region {
        Region(const char* name, RamBlock& block) : region(MemoryRegion::ram(name, block)) {}
        MemoryRegion region;
    };

    vectors::Bytes image_, kernel_, initrd_;
    std::string line_;
    bool has_kernel_ = false;
    const uint32_t vm_type_;

  public:
    Topology topology;
    MemoryRegion system = MemoryRegion::container("system", MemoryRegion::kWholeSpace);
    MemoryRegion io = MemoryRegion::container("io", 0x10000);
    AddressSpace memory{topology, system, "memory"};
    AddressSpace ports{topology, io, "I/O"};
    FakeRequests requests;
    std::unique_ptr<kvm::Kvm> kvm_;
    std::unique_ptr<kvm::Vm> vm;
    std::unique_ptr<RamBlock> bios, ram;
    std::unique_ptr<Region> ram_region, bios_region;
    std::unique_ptr<kvm::X86Accelerator> x86;

    ~LaunchWorld() {
        if (x86 != nullptr) x86->accelerator().unmap_memory();
        x86.reset();
        for (auto* region : {ram_region.get(), bios_region.get()})
            if (region != nullptr) topology.remove(region->region);
    }
};

// Guests as their objects' defaults make them.
inline std::unique_ptr<ConfidentialGuest> plain_snp_guest() {
    sev::SnpConfig config;
    config.common.id = "snp0";
    config.common.reduced_phys_bits = 1;
    return sev::SnpGuest::create(std::move(config)).take_value();
}
inline std::unique_ptr<ConfidentialGuest> sev_es_guest(sev::LegacyVm legacy = sev::LegacyVm::Auto) {
    sev::SevConfig config;
    config.common.id = "sev0";
    config.common.reduced_phys_bits = 1;
    config.policy = sev::kDefaultSevPolicy | sev::kPolicyEncryptedState;
    config.legacy_vm_type = legacy;
    return sev::SevGuest::create(std::move(config)).take_value();
}

// For LaunchFaults.
struct LaunchSubject {
    LaunchSubject(std::unique_ptr<ConfidentialGuest> guest, const char* firmware = "fw-give-64k.fd")
        : world(firmware, guest->requirements().vm_type) {
        world.make(std::move(guest));
    }
    FakeKvm& kernel() { return world.kernel; }
    Status launch() { return world.launch(); }
    std::string measurement() { return world.measurement(); }
    LaunchWorld world;
};

}  // namespace vmm
