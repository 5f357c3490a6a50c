// The whole vCPU path on the host's own /dev/kvm: tiny real-mode guests, started at the reset vector.
// Skipped, and says so, where there is no /dev/kvm.
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "system/memory/ram_block.h"
#include "target/i386/kvm/arch.h"
#include "target/i386/kvm/host_cpu.h"
#include "target/i386/kvm/vm_setup.h"
#include "tests/unit/accel/kvm/fake_world.h"

namespace vmm::kvm {
namespace {

constexpr uint64_t kRomSize = 0x10000;

// A machine with one vCPU, 64 KiB of ROM below 4 GiB that jumps from the reset vector to its start, 1 MiB of
// RAM.
class RealWorld {
  public:
    explicit RealWorld(std::vector<uint8_t> code, IrqChipMode mode = IrqChipMode::Split) {
        kvm_ = Kvm::open(door_, "/dev/kvm").take_value();
        vm_ = Vm::create(*kvm_, {}).take_value();
        CHECK(static_cast<bool>(prepare_vm(*vm_, {})), "prepare");
        accelerator = std::make_unique<Accelerator>(*vm_, mode);
        ram_ = RamBlock::anonymous("ram", kMiB).take_value();
        rom_ = RamBlock::anonymous("rom", kRomSize).take_value();
        std::copy(code.begin(), code.end(), rom_->data());
        const uint8_t jump[] = {0xe9, 0x0d, 0x00};  // from 0xfff0 to 0x0000
        std::copy(std::begin(jump), std::end(jump), rom_->data() + 0xfff0);
        ram_region_.emplace(*ram_, *rom_);
        topology.add(memory_root_, ram_region_->ram, 0);
        topology.add(memory_root_, ram_region_->rom, 0x100000000 - kRomSize);
        topology.add(memory_root_, ram_region_->low_rom, kMiB - kRomSize, 1);
        topology.add(ports_root_, ports_region_, 0x80);
        CHECK(static_cast<bool>(accelerator->map_memory(memory_)), "map");
        Status chips = accelerator->create_irqchip();
        CHECK(static_cast<bool>(chips), "%s", chips.error().text().c_str());
    }
    Status add_vcpu(ExternalInterrupt* wire = nullptr) {
        X86Arch::Config config;
        HostCpu host = TRY(read_host_cpu(*vm_, HostIdentity::Brief, false));
        config.cpuid = host.supported.entries();
        config.boot_processor = true;
        config.external_interrupt = wire;
        GuestWorld world{memory_, ports_, requests, nullptr, nullptr};
        TRY(accelerator->add_vcpu(0, std::make_unique<X86Arch>(std::move(config)), world));
        return accelerator->reset_vcpus();
    }
    MemoryRegion& memory_root() { return memory_root_; }
    // Runs until the device has had this many writes (or the requests something to say), at most ten seconds.
    void run_until_writes(size_t count) {
        accelerator->vcpus().resume_all();
        auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
        for (;;) {
            {
                Locked lock(device.mutex_);
                if (device.writes.size() >= count) break;
            }
            if (!requests.all().empty() || std::chrono::steady_clock::now() > end) break;
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        accelerator->vcpus().pause_all();
    }

    Topology topology;
    RecordingDevice device;
    NotedRequests requests;
    std::unique_ptr<Accelerator> accelerator;

  private:
    struct Regions {
        Regions(RamBlock& ram_block, RamBlock& rom_block)
            : ram(MemoryRegion::ram("ram", ram_block)),
              rom(MemoryRegion::rom("rom", rom_block)),
              low_rom(MemoryRegion::alias("low rom", rom, 0, kRomSize)) {}
        MemoryRegion ram, rom, low_rom;
    };
    SystemIoctlDoor door_;
    MemoryRegion memory_root_ = MemoryRegion::container("system", MemoryRegion::kWholeSpace);
    MemoryRegion ports_root_ = MemoryRegion::container("io", 0x10000);
    MemoryRegion ports_region_ = MemoryRegion::io("ports", 0x10, device);
    AddressSpace memory_{topology, memory_root_, "memory"};
    AddressSpace ports_{topology, ports_root_, "I/O"};
    std::unique_ptr<RamBlock> ram_, rom_;
    std::unique_ptr<Kvm> kvm_;
    std::unique_ptr<Vm> vm_;
    std::optional<Regions> ram_region_;

  public:
    ~RealWorld() { accelerator.reset(); }
};

class RealKvm : public testing::Test {
  protected:
    void SetUp() override {
        if (::access("/dev/kvm", R_OK | W_OK) != 0) {
            GTEST_SKIP() << "SKIPPED: /dev/kvm cannot be opened here; nothing ran on real KVM";
        }
    }
};

using Access = RecordingDevice::Access;

TEST_F(RealKvm, guestWritesToAPortAndHalts) {
    // mov al,5a; out 82,al; in al,84; out 83,al; hlt; jmp $-1
    RealWorld world({0xb0, 0x5a, 0xe6, 0x82, 0xe4, 0x84, 0xe6, 0x83, 0xf4, 0xeb, 0xfd});
    world.device.value_to_read = 0x77;
    Status added = world.add_vcpu();
    ASSERT_TRUE(added) << added.error().text();
    world.run_until_writes(2);
    EXPECT_EQ(world.device.writes, (std::vector<Access>{{2, 0x5a, 1}, {3, 0x77, 1}}));
    EXPECT_TRUE(world.requests.all().empty());
}

TEST_F(RealKvm, secondResetRunsTheGuestAnew) {
    // dx from reset goes out, then bx counts in a register that a reset must clear
    // mov ax,dx; out 80,ax; mov ax,bx; out 82,ax; mov bx,1234; hlt
    RealWorld world({0x89, 0xd0, 0xe7, 0x80, 0x89, 0xd8, 0xe7, 0x82, 0xbb, 0x34, 0x12, 0xf4, 0xeb, 0xfd});
    Status added = world.add_vcpu();
    ASSERT_TRUE(added) << added.error().text();
    world.run_until_writes(2);
    for (int i = 0; i < 3; i++) {
        Status again = world.accelerator->reset_vcpus();
        ASSERT_TRUE(again) << again.error().text();
        world.run_until_writes(4 + 2 * static_cast<size_t>(i));
    }
    ASSERT_EQ(world.device.writes.size(), 8u);
    for (size_t i = 0; i < 8; i++)
        EXPECT_EQ(world.device.writes[i], world.device.writes[i % 2]);
    EXPECT_EQ(world.device.writes[1].value, 0u);
    EXPECT_NE(world.device.writes[0].value, 0u);  // the processor's signature
}

TEST_F(RealKvm, memoryMapChangesUnderARunningGuest) {
    // loop: mov al,[0x500]; out 80,al; jmp loop - from ROM, with RAM read while its slot is cut in two and
    // back
    RealWorld world({0xa0, 0x00, 0x05, 0xe6, 0x80, 0xeb, 0xf9});
    Status added = world.add_vcpu();
    ASSERT_TRUE(added) << added.error().text();
    auto extra = RamBlock::anonymous("extra", kRomSize).take_value();
    MemoryRegion hole = MemoryRegion::ram("extra", *extra);
    world.accelerator->vcpus().resume_all();
    for (int i = 0; i < 200; i++) {
        world.topology.add(world.memory_root(), hole, 0x80000, 1);
        world.topology.remove(hole);
    }
    world.run_until_writes(1);
    EXPECT_TRUE(world.requests.all().empty()) << world.requests.all()[0];
    for (const Access& write : world.device.writes)
        ASSERT_EQ(write.value, 0u);
}

TEST_F(RealKvm, tripleFaultAsksForAReset) {
    // lidt cs:[20] (zeros: no table); into protected mode; load ds with an empty descriptor
    RealWorld world({0x2e, 0x0f, 0x01, 0x1e, 0x20, 0x00, 0x0f, 0x20, 0xc0, 0x0c,
                     0x01, 0x0f, 0x22, 0xc0, 0xb8, 0x08, 0x00, 0x8e, 0xd8, 0xf4});
    Status added = world.add_vcpu();
    ASSERT_TRUE(added) << added.error().text();
    world.run_until_writes(1);
    EXPECT_EQ(world.requests.all(), std::vector<std::string>{"reset"});
}

class StickyPic final : public ExternalInterrupts {
  public:
    bool pending() override { return waiting; }
    uint8_t acknowledge() override {
        waiting = false;
        wire->set_pin(0, false);
        return 0x20;
    }
    std::atomic<bool> waiting{false};
    ExternalInterrupt* wire = nullptr;
};

TEST_F(RealKvm, userSpacePicInterruptsAHaltedGuest) {
    // Vector 0x20 -> f000:0020, table in RAM at 0x80; then sti, hlt for ever. The handler writes to port 80.
    RealWorld world({0x31, 0xc0, 0x8e, 0xd8, 0x8e, 0xd0, 0xbc, 0x00, 0x70,  // ds = ss = 0, sp = 7000
                     0xc7, 0x06, 0x80, 0x00, 0x20, 0x00,                    // mov word [80],0020
                     0xc7, 0x06, 0x82, 0x00, 0x00, 0xf0,                    // mov word [82],f000
                     0xe6, 0x82, 0xfb, 0xf4, 0xeb, 0xfd,                    // out 82,al; sti; hlt; jmp
                     0x90, 0x90, 0x90, 0x90, 0x90,                          //
                     0xb0, 0x99, 0xe6, 0x80, 0xcf});  // 0020: mov al,99; out 80,al; iret
    ExternalInterrupt wire;
    StickyPic pic;
    pic.wire = &wire;
    Status added = world.add_vcpu(&wire);
    ASSERT_TRUE(added) << added.error().text();
    wire.connect(pic, world.accelerator->vcpus());
    world.run_until_writes(1);
    ASSERT_EQ(world.device.writes, (std::vector<Access>{{2, 0, 1}}));
    for (size_t i = 0; i < 5; i++) {
        world.accelerator->vcpus().resume_all();
        std::this_thread::sleep_for(std::chrono::milliseconds(2));  // halted in the kernel by now
        pic.waiting = true;
        wire.set_pin(0, true);
        world.run_until_writes(2 + i);
        ASSERT_EQ(world.device.writes.size(), 2 + i) << "interrupt " << i << " did not arrive";
        EXPECT_EQ(world.device.writes.back(), (Access{0, 0x99, 1}));
    }
}

TEST_F(RealKvm, kernelChipsAndTimerCanBeMadeAndReset) {
    RealWorld world({0xe6, 0x82, 0xf4, 0xeb, 0xfd}, IrqChipMode::Kernel);
    ASSERT_TRUE(create_kernel_pit(world.accelerator->vm()));
    Status added = world.add_vcpu();
    ASSERT_TRUE(added) << added.error().text();
    KernelChips chips(world.accelerator->vm(), true);
    world.run_until_writes(1);
    chips.reset_hold();
    chips.reset_hold();
    ASSERT_TRUE(world.accelerator->reset_vcpus());
    world.run_until_writes(2);
    EXPECT_EQ(world.device.writes.size(), 2u);
}

}  // namespace
}  // namespace vmm::kvm
