// What a running TD asks: which calls there are, the event interrupt, its death. Exits are played as the
// kernel would hand them out.
#include <gtest/gtest.h>

#include "tests/unit/target/i386/confidential/tdx/image_maker.h"
#include "tests/unit/target/i386/confidential/tdx/td_world.h"

namespace vmm::tdx {
namespace {

constexpr uint64_t kUnsupported = (uint64_t{1} << 63) + 3;  // what the kernel puts there

class TdCalls : public testing::Test {
  protected:
    void SetUp() override {
        const Status done = world.launch(2);
        ASSERT_TRUE(done) << done.error().message();
    }
    abi::TdxExit& call(uint64_t number, unsigned vcpu = 0) {
        kvm_run& run = world.vcpu(vcpu).page();
        run.exit_reason = abi::kExitTdx;
        auto& out = abi::exit_payload<abi::TdxExit>(run);
        out = {};
        out.number = number;
        out.result = kUnsupported;
        return out;
    }
    std::optional<kvm::ExitAction> serve(unsigned vcpu = 0) {
        return world.guest->handle_exit(world.vcpu(vcpu), world.world());
    }
    TdWorld world{make_image().bytes};
};

TEST_F(TdCalls, TellsWhichCallsThereAre) {
    abi::TdxExit& exit = call(abi::kTdVmCallGetInfo);
    exit.get_info = {.leaf = 1, .r11 = 9, .r12 = 9, .r13 = 9, .r14 = 9};
    EXPECT_EQ(serve(), kvm::ExitAction::Resume);
    EXPECT_EQ(exit.result, 0u);
    EXPECT_EQ(exit.get_info.r11, 3u);
    EXPECT_EQ(exit.get_info.r12 | exit.get_info.r13 | exit.get_info.r14, 0u);
    call(abi::kTdVmCallGetInfo).get_info.leaf = 2;
    serve();
    EXPECT_EQ(exit.result, abi::kTdVmCallInvalidOperand);
}

TEST_F(TdCalls, UnknownCallsKeepTheKernelsAnswer) {
    abi::TdxExit& exit = call(0x10003);
    EXPECT_EQ(serve(), kvm::ExitAction::Resume);
    EXPECT_EQ(exit.result, kUnsupported);
}

TEST_F(TdCalls, EventVectorsAreJudged) {
    for (uint64_t vector : {0u, 31u, 256u, 0xffffffffu}) {
        abi::TdxExit& exit = call(abi::kTdVmCallSetupEventNotify);
        exit.setup_event_notify.vector = vector;
        serve();
        EXPECT_EQ(exit.result, abi::kTdVmCallInvalidOperand) << vector;
    }
    for (uint64_t vector : {32u, 255u}) {
        abi::TdxExit& exit = call(abi::kTdVmCallSetupEventNotify);
        exit.setup_event_notify.vector = vector;
        serve();
        EXPECT_EQ(exit.result, 0u) << vector;
    }
}

TEST_F(TdCalls, QuoteWithoutAServiceIsUnavailable) {
    abi::TdxExit& exit = call(abi::kTdVmCallGetQuote);
    exit.get_quote = {.gpa = 0x1000000, .size = 4096};
    serve();
    EXPECT_EQ(exit.result, abi::kTdVmCallInvalidOperand);  // private memory
    exit.get_quote = {.gpa = 0x1000800, .size = 4096};
    serve();
    EXPECT_EQ(exit.result, abi::kTdVmCallAlignError);
}

TEST_F(TdCalls, DeathIsReportedOnce) {
    kvm_run& run = world.vcpu(1).page();
    run.exit_reason = KVM_EXIT_SYSTEM_EVENT;
    run.system_event.type = abi::kSystemEventTdxFatal;
    run.system_event.ndata = 16;
    std::fill(std::begin(run.system_event.data), std::end(run.system_event.data), 0);
    run.system_event.data[12] = 0x20000;
    run.system_event.data[1] = 1u << 14;
    run.system_event.data[14] = 0x6f6f6f6f68;
    EXPECT_EQ(serve(1), kvm::ExitAction::Park);
    EXPECT_EQ(world.requests.all(), std::vector<std::string>{"panic 131072 'hoooo'"});
    run.system_event.data[12] = 1;
    EXPECT_EQ(serve(1), kvm::ExitAction::Park);
    ASSERT_EQ(world.requests.all().size(), 2u);
    EXPECT_NE(world.requests.all()[1].find("does not know"), std::string::npos);
}

TEST_F(TdCalls, OtherExitsAreNotTheirs) {
    world.vcpu(0).page().exit_reason = KVM_EXIT_DEBUG;
    EXPECT_FALSE(serve());
    world.vcpu(0).page().exit_reason = KVM_EXIT_SYSTEM_EVENT;
    world.vcpu(0).page().system_event.type = KVM_SYSTEM_EVENT_RESET;
    EXPECT_FALSE(serve());
}

}  // namespace
}  // namespace vmm::tdx
