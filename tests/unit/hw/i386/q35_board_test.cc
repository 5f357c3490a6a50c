// The whole board on the model of KVM: what it asks of the kernel and in which order, and that a guest finds
// each device at its address.
#include "hw/i386/q35_board.h"

#include <gtest/gtest.h>

#include <cstring>

#include "hw/char/types.h"
#include "system/clock/loop_clock.h"
#include "system/run/loop_requests.h"
#include "system/run/run_control.h"
#include "target/i386/confidential/sw_protected_vm.h"
#include "target/i386/kvm/x86_accelerator.h"
#include "tests/fakes/fake_device_env.h"
#include "tests/unit/accel/kvm/fake_vm.h"

namespace vmm {
namespace {

// One read of the guest, and what it must give.
struct Read {
    bool port;
    uint64_t address;
    uint8_t size;
    uint64_t wanted;
    uint64_t got = 0;
};

class Board : public ::testing::Test, private RequestHandler {
  protected:
    void make(const char* cpu = "qemu64,check=off", ConfidentialGuest* guest = nullptr) {
        config.cpu.text = cpu;
        config.memory.size = 64 * kMiB;
        config.devices.push_back(parse_device(types,
                                              {{"driver", "isa-debug-exit"}, {"iobase", 0xf4}, {"iosize", 1}},
                                              Spelling::Json, {})
                                     .take_value());
        ram = RamBlock::anonymous("ram", config.memory.size).take_value();
        Q35Files files;
        files.firmware = RamBlock::anonymous("bios", 256 * kKiB).take_value();
        std::memset(files.firmware->data(), 0x5a, 256 * kKiB);
        const Q35Parts parts{.loop = loop,
                             .requests = requests,
                             .virtual_clock = virtual_clock,
                             .host_clock = host_clock,
                             .ram = {ram.get()},
                             .confidential = guest,
                             .back_ends = env.hosts};
        auto x86 = std::make_unique<kvm::X86Accelerator>(*kernel.vm,
                                                         Q35Board::vm_requirements(config, nullptr)->irqchip);
        Result<std::unique_ptr<Q35Board>> made =
            Q35Board::create(config, parts, std::move(x86), std::move(files));
        ASSERT_TRUE(made) << made.error().message();
        board = std::move(*made);
        requests.set_handler(this);
    }
    // A guest that makes these accesses and ends; fills in what it read.
    void run(std::vector<Read>& reads, std::vector<FakeKvm::Step> before = {}) {
        for (FakeKvm::Step& step : before)
            kernel.fake.then(0, std::move(step));
        for (Read& read : reads) {
            kernel.fake.then(0, read.port ? FakeKvm::port_in(static_cast<uint16_t>(read.address), read.size)
                                          : FakeKvm::mmio_read(read.address, read.size));
            kernel.fake.then(0, [&read](kvm_run& page) {
                const auto* bytes = static_cast<const uint8_t*>(static_cast<const void*>(&page));
                std::memcpy(&read.got, read.port ? bytes + kPageSize : page.mmio.data, read.size);
                return -EINTR;
            });
        }
        kernel.fake.then(0, FakeKvm::port_out(0xf4, 3));
        RunControl control(board->vcpus(), board->resets());
        control.start();
        loop.run();
        control.stop(RunState::Shutdown);
    }
    void run_and_compare(std::vector<Read> reads, std::vector<FakeKvm::Step> before = {}) {
        run(reads, std::move(before));
        for (const Read& read : reads)
            EXPECT_EQ(read.got, read.wanted)
                << std::hex << (read.port ? "port 0x" : "address 0x") << read.address;
        EXPECT_EQ(exit_status, 7);
    }

    // SMRAM's register after a guest opened SMRAM: 0x42, or 0x02 where there are no such windows.
    void expect_smram(uint8_t wanted) {
        run_and_compare({{true, 0xcfd, 1, wanted}},
                        {FakeKvm::port_out(0xcf8, 0x8000009c, 4), FakeKvm::port_out(0xcfd, 0x42)});
    }

    const DeviceTypes types = [] {
        DeviceTypes all;
        register_char_types(all);
        return all;
    }();
    FakeDeviceEnv env;
    MachineConfig config;
    kvm::FakeVm kernel;
    EventLoop loop;
    LoopRequests requests{loop};
    VmClock virtual_clock{loop};
    HostClock host_clock{loop};
    std::unique_ptr<RamBlock> ram;
    std::unique_ptr<Q35Board> board;
    int exit_status = -1;

  private:
    void do_reset(ShutdownCause) override { board->resets().reset(); }
    void do_shutdown(ShutdownCause) override { loop.quit(); }
    void do_watchdog() override {}
    void do_crash_loaded() override {}
    void do_exit(int status) override {
        exit_status = status;
        loop.quit();
    }
    void do_internal_error(const std::string& text) override {
        ADD_FAILURE() << text;
        loop.quit();
    }
};

TEST_F(Board, slotsAreMadeOnceAndBeforeTheInterruptChips) {
    make();
    EXPECT_FALSE(kernel.fake.slots_added_late);
    EXPECT_TRUE(kernel.fake.irqchip_created);
    // RAM below and above the firmware's window, the window, and the firmware at the top.
    EXPECT_EQ(kernel.fake.count(abi::kSetUserMemoryRegion2), kernel.fake.slots.size());
}

TEST_F(Board, theGuestFindsTheChipsetAndTheFirmware) {
    make();
    run_and_compare({{true, 0xcfc, 4, 0x29c08086},
                     {true, 0xcfe, 2, 0x29c0},
                     {true, 0x92, 1, 0x02},
                     {true, 0x511, 1, 'Q'},
                     {true, 0x9f0, 4, 0xffffffff},
                     {false, 0xfed00000, 4, 0x8086a201},
                     {false, 0xfee90000, 4, 0xffffffff}},
                    {FakeKvm::port_out(0xcf8, 0x80000000, 4), FakeKvm::port_out(0x510, 0, 2)});
}

TEST_F(Board, withASplitIrqchipTheControllersAreHere) {
    config.irqchip = IrqChipChoice::Split;
    make();
    run_and_compare({{true, 0x21, 1, 0xa5}, {false, 0xfec00010, 4, 0x00170020}},
                    {FakeKvm::port_out(0x21, 0xa5), FakeKvm::mmio_write(0xfec00000, 1, 4)});
}

TEST_F(Board, anOrdinaryGuestHasSmmRanges) {
    make();
    expect_smram(0x42);
}

TEST_F(Board, smmRangesAreLeftOutOnRequest) {
    config.smm_ranges = false;
    make();
    expect_smram(0x02);
}

TEST_F(Board, withoutSmmThereAreNoSmmRanges) {
    config.smm = OnOffAuto::Off;
    make();
    expect_smram(0x02);
}

TEST_F(Board, aProtectedGuestHasNoSmmRanges) {
    SwProtectedVm guest("sp", Visibility::Shared);
    ASSERT_TRUE(config.smm_ranges && guest.requirements().forbids_smm);
    make("qemu64,check=off", &guest);
    expect_smram(0x02);
}

TEST_F(Board, withoutHpetAndKeyboardNothingAnswersThere) {
    config.hpet = false;
    config.i8042 = false;
    make();
    run_and_compare({{false, 0xfed00000, 4, 0xffffffff}, {true, 0x64, 1, 0xff}});
}

TEST_F(Board, everyProcessorHasItsApicId) {
    config.smp = {.cpus = 3, .max_cpus = 6, .sockets = 2, .dies = 1, .cores = 3, .threads = 1};
    make();
    EXPECT_EQ(board->vcpus().count(), 3u);
    for (uint32_t id : {0u, 1u, 2u}) {
        const auto& leaves = kernel.fake.vcpu(id).cpuid;
        ASSERT_FALSE(leaves.empty());
        for (const kvm_cpuid_entry2& leaf : leaves)
            EXPECT_TRUE(leaf.function != 1 || leaf.ebx >> 24 == id) << id;
    }
}

TEST_F(Board, aResetLoadsTheProcessorsAfresh) {
    make();
    const unsigned before = kernel.fake.count(KVM_SET_SREGS);
    board->resets().reset();
    EXPECT_GT(kernel.fake.count(KVM_SET_SREGS), before);
}

TEST(BoardRequirements, theIrqchipIsWhatWasAskedForUnlessTheGuestNeedsAnother) {
    const SwProtectedVm guest("sp", Visibility::Private);
    MachineConfig config;
    EXPECT_EQ(Q35Board::vm_requirements(config, nullptr)->irqchip, IrqChipMode::Kernel);
    config.irqchip = IrqChipChoice::Split;
    EXPECT_EQ(Q35Board::vm_requirements(config, nullptr)->irqchip, IrqChipMode::Split);
    EXPECT_EQ(Q35Board::vm_requirements(config, &guest)->vm_type, guest.requirements().vm_type);
    EXPECT_TRUE(Q35Board::vm_requirements(config, &guest)->private_memory);
}

TEST(BoardRequirements, systemManagementModeIsRefused) {
    MachineConfig config;
    config.smm = OnOffAuto::On;
    EXPECT_FALSE(Q35Board::vm_requirements(config, nullptr));
}

TEST(BoardRequirements, theHighestApicIdCountsProcessorsThatMayCome) {
    MachineConfig config;
    config.smp = {.cpus = 1, .max_cpus = 6, .sockets = 2, .dies = 1, .cores = 3, .threads = 1};
    EXPECT_EQ(Q35Board::vm_requirements(config, nullptr)->max_apic_id, 6u);
    EXPECT_EQ(Q35Board::vm_requirements(config, nullptr)->max_vcpus, 6u);
}

}  // namespace
}  // namespace vmm
