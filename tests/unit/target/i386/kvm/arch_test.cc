// An x86 vCPU on the model of KVM: what is set at creation, at the first and at later resets; the PIC's wire.
#include "target/i386/kvm/arch.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "target/i386/kvm/host_cpu.h"
#include "target/i386/kvm/vm_setup.h"
#include "tests/unit/accel/kvm/fake_world.h"

namespace vmm::kvm {
namespace {

struct X86World : FakeWorld {
    using FakeWorld::FakeWorld;
    X86Arch::Config config(unsigned index) {
        X86Arch::Config config;
        config.cpuid = {{.function = 0, .eax = 1}, {.function = 1, .eax = 0x663, .ebx = index << 24}};
        config.apic_id = index;
        config.boot_processor = index == 0;
        if (index == 0) config.boot = &boot;
        return config;
    }
    void add(X86Arch::Config config) {
        GuestWorld world{memory, ports, requests, &converter, nullptr};
        uint32_t id = config.apic_id;
        Status added = accelerator->add_vcpu(id, std::make_unique<X86Arch>(std::move(config)), world);
        CHECK(static_cast<bool>(added), "%s", added.error().text().c_str());
    }
    template <typename State>
    State state(uint32_t id, unsigned long request) {
        State value{};
        std::vector<uint8_t>& bytes = fake.vcpu(id).state[request];
        CHECK(bytes.size() == sizeof(value), "never set");
        std::memcpy(&value, bytes.data(), sizeof(value));
        return value;
    }
    std::optional<BootState> boot;
};

TEST(X86Arch, newVcpusCostFewCalls) {
    X86World world;
    world.add(world.config(0));
    world.add(world.config(1));
    EXPECT_EQ(world.fake.vcpu(1).cpuid.size(), 2u);
    EXPECT_EQ(world.fake.vcpu(1).cpuid[1].ebx, 1u << 24);
    world.fake.calls.clear();
    ASSERT_TRUE(world.accelerator->reset_vcpus());
    EXPECT_EQ(world.fake.calls, std::vector<unsigned long>{KVM_SET_REGS});  // the boot processor's EDX
    EXPECT_EQ(world.state<kvm_regs>(0, KVM_SET_REGS).rdx, 0x663u);
}

TEST(X86Arch, machineCheckBanksAreQemusWhereTheModelHasThem) {
    X86World world;
    X86Arch::Config has = world.config(0), lacks = world.config(1);
    has.cpuid[1].edx = 1 << 7 | 1 << 14;
    lacks.cpuid[1].edx = 1 << 7;
    world.add(has);
    world.add(lacks);
    EXPECT_EQ(world.fake.count(KVM_X86_SETUP_MCE), 1u);
    EXPECT_EQ(world.state<uint64_t>(0, KVM_X86_SETUP_MCE), 0x100010au);
}

TEST(X86Arch, laterResetsSetEveryGroup) {
    X86World world;
    for (const Msr& msr : reset_msrs())
        if (msr.first != 0x1d9 && msr.first != 0xda0) world.fake.known_msrs.insert(msr.first);
    world.add(world.config(0));
    world.add(world.config(1));
    ASSERT_TRUE(world.accelerator->reset_vcpus());
    world.fake.calls.clear();
    world.fake.vcpu(1).msrs[0xc0000082] = 0x1234;
    ASSERT_TRUE(world.accelerator->reset_vcpus());
    EXPECT_EQ(world.state<kvm_mp_state>(0, KVM_SET_MP_STATE).mp_state, uint32_t{KVM_MP_STATE_RUNNABLE});
    EXPECT_EQ(world.state<kvm_mp_state>(1, KVM_SET_MP_STATE).mp_state, uint32_t{KVM_MP_STATE_UNINITIALIZED});
    EXPECT_EQ(world.state<kvm_sregs>(0, KVM_SET_SREGS).cs.base, 0xffff0000u);
    EXPECT_EQ(world.state<kvm_debugregs>(1, KVM_SET_DEBUGREGS).dr7, 0x400u);
    EXPECT_EQ(world.fake.vcpu(1).msrs[0xc0000082], 0u);
    EXPECT_EQ(world.fake.vcpu(1).msrs[0x277], 0x0007040600070406u);
    // Two registers that this host lacks: three calls a vCPU, the rest all set.
    EXPECT_EQ(world.fake.count(abi::kSetMsrs), 6u);
    EXPECT_EQ(world.fake.vcpu(0).msrs.size(), world.fake.known_msrs.size());
}

TEST(X86Arch, directBootEntersTheKernelAtEachReset) {
    X86World world;
    world.boot.emplace();
    world.boot->rip = 0x100000;
    world.boot->cr0 = 0x11;
    world.boot->msrs = {{0x2ff, 0x806}};
    world.fake.known_msrs = {0x2ff};
    world.add(world.config(0));
    for (int i = 0; i < 2; i++) {
        ASSERT_TRUE(world.accelerator->reset_vcpus());
        EXPECT_EQ(world.state<kvm_regs>(0, KVM_SET_REGS).rip, 0x100000u);
        EXPECT_EQ(world.state<kvm_sregs>(0, KVM_SET_SREGS).cr0, 0x11u);
        EXPECT_EQ(world.fake.vcpu(0).msrs[0x2ff], 0x806u);
    }
}

TEST(X86Arch, featureMsrTheHostRefusesIsNamed) {
    X86World world;
    X86Arch::Config config = world.config(0);
    config.feature_msrs = {{0x10a, 0xeb}};
    GuestWorld guest{world.memory, world.ports, world.requests, nullptr, nullptr};
    Status added = world.accelerator->add_vcpu(0, std::make_unique<X86Arch>(config), guest);
    ASSERT_FALSE(added);
    EXPECT_NE(added.error().text().find("KVM_SET_MSRS"), std::string::npos);
    EXPECT_NE(added.error().text().find("0x10a"), std::string::npos);
}

TEST(X86Arch, hypercallIsAnsweredInThePage) {
    X86World world(IrqChipMode::Split, abi::kVmSwProtected);
    world.add(world.config(0));
    uint64_t first = 1, second = 1;
    world.fake.then(0, FakeKvm::hypercall(abi::kHypercallMapGpaRange, 0x4000, 2, 0x10));
    world.fake.then(0, [&](kvm_run& run) {
        first = abi::exit_payload<abi::HypercallExit>(run).result;
        return FakeKvm::hypercall(abi::kHypercallMapGpaRange, 0x4001, 2, 0x10)(run);
    });
    world.fake.then(0, [&](kvm_run& run) {
        second = abi::exit_payload<abi::HypercallExit>(run).result;
        return -EINTR;
    });
    world.play();
    EXPECT_EQ(first, 0u);
    EXPECT_EQ(second, static_cast<uint64_t>(-EINVAL));
    ASSERT_EQ(world.converter.asked.size(), 1u);
}

TEST(X86Arch, internalErrorShowsRegisters) {
    X86World world;
    world.add(world.config(0));
    ASSERT_TRUE(world.accelerator->reset_vcpus());
    world.fake.then(0, FakeKvm::plain_exit(KVM_EXIT_FAIL_ENTRY));
    world.vcpus().resume_all();
    while (world.requests.all().empty())
        std::this_thread::yield();
    world.vcpus().pause_all();
    EXPECT_NE(world.requests.all()[0].find("EIP=0000fff0"), std::string::npos);
}

class OneShotPic final : public ExternalInterrupts {
  public:
    bool pending() override { return wire != nullptr && waiting; }
    uint8_t acknowledge() override {
        waiting = false;
        wire->set_pin(0, false);
        return 0x38;
    }
    ExternalInterrupt* wire = nullptr;
    std::atomic<bool> waiting{false};
};

TEST(ExternalInterrupt, isInjectedWhenTheGuestCanTakeIt) {
    X86World world;
    ExternalInterrupt wire;
    OneShotPic pic;
    pic.wire = &wire;
    X86Arch::Config config = world.config(0);
    config.external_interrupt = &wire;
    world.add(std::move(config));
    wire.connect(pic, world.vcpus());
    bool window_asked = false;
    world.fake.then(0, [&](kvm_run&) {  // the line rises while the guest cannot take it
        pic.waiting = true;
        wire.set_pin(0, true);
        return -EINTR;
    });
    world.fake.then(0, [&](kvm_run& run) {
        window_asked = run.request_interrupt_window != 0;
        run.exit_reason = KVM_EXIT_IRQ_WINDOW_OPEN;
        run.ready_for_interrupt_injection = 1;
        return 0;
    });
    world.play();
    EXPECT_TRUE(window_asked);
    EXPECT_EQ(world.fake.vcpu(0).interrupts, std::vector<uint32_t>{0x38});
    EXPECT_EQ(world.fake.vcpu(0).run->request_interrupt_window, 0);
}

TEST(VmSetup, tellsTheKernelOnlyWhatIsNeeded) {
    FakeWorld plain;
    plain.fake.calls.clear();
    ASSERT_TRUE(prepare_vm(*plain.vm, {}));
    EXPECT_EQ(plain.fake.calls, (std::vector<unsigned long>{KVM_SET_IDENTITY_MAP_ADDR, KVM_SET_TSS_ADDR}));
    EXPECT_EQ(plain.fake.tss_address, 0xfeffd000u);
    EXPECT_TRUE(plain.fake.enabled_caps.empty());

    FakeWorld large(IrqChipMode::Split, abi::kVmSwProtected);
    ASSERT_TRUE(prepare_vm(*large.vm, {.max_apic_id = 300, .map_gpa_range = true}));
    EXPECT_EQ(large.fake.enabled_caps.at(abi::kCapExitHypercall), 1u << 12);
    EXPECT_EQ(large.fake.enabled_caps.at(KVM_CAP_X2APIC_API), 3u);

    large.fake.vm_caps[abi::kCapExitHypercall] = 0;
    FakeWorld old(IrqChipMode::Split, abi::kVmSwProtected);
    old.fake.vm_caps[abi::kCapExitHypercall] = 0;
    Status refused = prepare_vm(*old.vm, {.map_gpa_range = true});
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().text().find("KVM_CAP_EXIT_HYPERCALL"), std::string::npos);
}

TEST(KernelChips, firstResetIsFree) {
    FakeWorld world(IrqChipMode::Kernel);
    world.add_vcpus(1);
    ASSERT_TRUE(create_kernel_pit(*world.vm));
    KernelChips chips(*world.vm, true);
    world.fake.calls.clear();
    chips.reset_hold();
    EXPECT_TRUE(world.fake.calls.empty());
    chips.reset_hold();
    EXPECT_EQ(world.fake.count(KVM_SET_IRQCHIP), 3u);
    EXPECT_EQ(world.fake.count(KVM_SET_PIT2), 1u);
}

TEST(HostCpu, growsTheListUntilItFits) {
    FakeWorld world;
    for (uint32_t i = 0; i < 300; i++)
        world.fake.supported_cpuid.push_back({.function = i, .eax = i * 3});
    auto host = read_host_cpu(*world.vm, HostIdentity::Brief, true);
    ASSERT_TRUE(host) << host.error().text();
    EXPECT_EQ(host->supported.entries().size(), 300u);
    EXPECT_EQ(host->supported.reg(299, 0, CpuidRegister::Eax), 897u);
    EXPECT_TRUE(host->map_gpa_range);
    EXPECT_NE(host->native.find(0), nullptr);
    world.fake.fail(abi::kGetSupportedCpuid, EIO);
    auto failed = read_host_cpu(*world.vm, HostIdentity::Brief, true);
    ASSERT_FALSE(failed);
    EXPECT_NE(failed.error().text().find("KVM_GET_SUPPORTED_CPUID"), std::string::npos);
}

}  // namespace
}  // namespace vmm::kvm
