// What a TD asks of its VMM: which calls there are, quotes, the interrupt that announces them, and its death
// (Intel GHCI 1.5, chapter 3). On vCPU threads; see guest.h.
#include <algorithm>

#include "accel/accelerator.h"
#include "accel/kvm/vcpu.h"
#include "accel/kvm/vm.h"
#include "system/run/requests.h"
#include "target/i386/confidential/tdx/guest.h"
#include "target/i386/confidential/tdx/report_fatal.h"
#include "util/log.h"
#include "util/text.h"

namespace vmm::tdx {

namespace {

// Of the calls that the kernel offers to hand over, those that are served here.
constexpr uint64_t kServedR11 = abi::kTdVmCallHasGetQuote | abi::kTdVmCallHasSetupEventNotify;
constexpr uint64_t kFirstVector = 32, kLastVector = 255;

kvm::ExitAction report_death(const kvm_run& run, MachineRequests& requests) {
    const size_t count = std::min<size_t>(run.system_event.ndata, std::size(run.system_event.data));
    uint64_t registers[std::size(decltype(run.system_event.data){})];
    std::copy_n(run.system_event.data, count, registers);
    const std::optional<FatalReport> report = decode_fatal_report({registers, count});
    if (!report) {
        requests.report_internal_error(
            "the TD reported a fatal error in a way that the interface does not know");
        return kvm::ExitAction::Park;
    }
    log_error(
        "the TD reported a fatal error: code 0x%x, message '%s'%s", report->code, report->message.c_str(),
        report->gpa
            ? strf(", more at guest address 0x%llx", static_cast<unsigned long long>(*report->gpa)).c_str()
            : "");
    requests.report_panic({.source = PanicReport::Source::Tdx,
                           .code = report->code,
                           .message = report->message,
                           .gpa = report->gpa});
    return kvm::ExitAction::Park;
}

}  // namespace

std::optional<kvm::ExitAction> TdxGuest::handle_exit(kvm::Vcpu& vcpu, const GuestWorld& world) {
    kvm_run& run = vcpu.page();
    if (run.exit_reason == KVM_EXIT_SYSTEM_EVENT && run.system_event.type == abi::kSystemEventTdxFatal)
        return report_death(run, world.requests);
    if (run.exit_reason != abi::kExitTdx) return std::nullopt;
    serve_call(vcpu, world, abi::exit_payload<abi::TdxExit>(run));
    return kvm::ExitAction::Resume;
}

// A call that is not known here keeps the answer that the kernel put there.
void TdxGuest::serve_call(kvm::Vcpu& vcpu, const GuestWorld& world, abi::TdxExit& call) {
    switch (call.number) {
        case abi::kTdVmCallGetInfo:
            call.result = tell_calls(call);
            return;
        case abi::kTdVmCallGetQuote:
            call.result = quotes_.request(world.memory, call.get_quote.gpa, call.get_quote.size);
            return;
        case abi::kTdVmCallSetupEventNotify:
            call.result = set_event_interrupt(vcpu.kernel_id(), call.setup_event_notify.vector);
            return;
        default:
            log_guest_error("the TD made call 0x%llx, which nobody serves",
                            static_cast<unsigned long long>(call.number));
    }
}

uint64_t TdxGuest::tell_calls(abi::TdxExit& call) const {
    // Leaf 0 is the kernel's.
    if (call.get_info.leaf != 1) return abi::kTdVmCallInvalidOperand;
    call.get_info.r11 = (caps_.user_r11 & kServedR11) | caps_.kernel_r11;
    call.get_info.r12 = caps_.kernel_r12;
    call.get_info.r13 = 0;
    call.get_info.r14 = 0;
    return abi::kTdVmCallSuccess;
}

uint64_t TdxGuest::set_event_interrupt(uint32_t apic_id, uint64_t vector) {
    if (vector < kFirstVector || vector > kLastVector) {
        log_guest_error("setup-event-notify: vector %llu, expected 32 to 255",
                        static_cast<unsigned long long>(vector));
        return abi::kTdVmCallInvalidOperand;
    }
    Locked lock(mutex_);
    event_interrupt_ = {.apic_id = apic_id, .vector = static_cast<uint8_t>(vector)};
    return abi::kTdVmCallSuccess;
}

// Main thread: a quote is there.
void TdxGuest::raise_event_interrupt() {
    EventInterrupt to;
    {
        Locked lock(mutex_);
        to = event_interrupt_;
    }
    if (to.vector == 0 || vm_ == nullptr) return;
    kvm_msi msi{};
    msi.address_lo = 0xfee00000 | (to.apic_id & 0xff) << 12;
    msi.address_hi = to.apic_id & 0xffffff00;
    msi.data = to.vector;
    const Result<int> sent = vm_->ioctl<KVM_SIGNAL_MSI>(msi);
    if (!sent) log_warning("the TD's event interrupt: %s", sent.error().text().c_str());
}

}  // namespace vmm::tdx
