// Serving exits; see exits.h.
#include "accel/kvm/exits.h"

#include <cstring>

#include "accel/kvm/trace.h"
#include "util/log.h"
#include "util/text.h"

namespace vmm::kvm {

[[gnu::hot]] ExitAction ExitDispatcher::handle(int returned) {
    if (returned < 0) [[unlikely]]
        return handle_error(-returned);
    kvm_run& run = vcpu_.page();
    trace_kvm_run_exit(static_cast<int>(vcpu_.index().raw()), run.exit_reason);
    fault_guard_.progress();
    if (run.exit_reason == KVM_EXIT_IO) {
        port_access(run);
        return world_.requests.must_wait() ? ExitAction::Park : ExitAction::Resume;
    }
    if (run.exit_reason == KVM_EXIT_MMIO) {
        memory_access(run);
        return ExitAction::Resume;
    }
    return handle_exit(run.exit_reason);
}

[[gnu::hot]] ExitAction ExitDispatcher::handle_exit(uint32_t reason) {
    kvm_run& run = vcpu_.page();
    switch (reason) {
        case KVM_EXIT_INTR:
        case KVM_EXIT_IRQ_WINDOW_OPEN:  // the architecture injects before the next run
        case KVM_EXIT_SET_TPR:          // the new value is in the page and goes back with the next run
            return ExitAction::Resume;
        case KVM_EXIT_HLT:
            return ExitAction::Halt;
        case KVM_EXIT_SHUTDOWN:
            return triple_fault();
        case KVM_EXIT_IOAPIC_EOI:
            if (world_.end_of_interrupt != nullptr) {
                world_.end_of_interrupt->end_of_interrupt(run.eoi.vector);
            }
            return ExitAction::Resume;
        case KVM_EXIT_SYSTEM_EVENT:
            if (std::optional<ExitAction> action = vcpu_.arch().handle_exit(vcpu_, world_)) return *action;
            return system_event(run);
        case KVM_EXIT_INTERNAL_ERROR:
            return report(describe_internal_error(run));
        case KVM_EXIT_FAIL_ENTRY:
            return report(describe_failed_entry(run));
        default:
            break;
    }
    if (std::optional<ExitAction> action = vcpu_.arch().handle_exit(vcpu_, world_)) return *action;
    return report(strf("KVM left the guest for a reason unknown here: %u", reason));
}

ExitAction ExitDispatcher::handle_error(int number) {
    if (number == EINTR || number == EAGAIN) return ExitAction::Resume;
    kvm_run& run = vcpu_.page();
    // Only with these two is the exit reason that of this run.
    if ((number == EFAULT || number == EHWPOISON) && run.exit_reason == abi::kExitMemoryFault) {
        auto fault = abi::exit_payload<abi::MemoryFaultExit>(run);
        FaultVerdict verdict = serve_memory_fault(fault, number, world_.converter, fault_guard_);
        return verdict.resume ? ExitAction::Resume : report(verdict.report);
    }
    return report(strf("KVM_RUN: %s", strerrordesc_np(number)));
}

// One access of a port exit; string instructions make several.
void ExitDispatcher::port_element(kvm_run& run, uint8_t* data) {
    if (run.io.direction == KVM_EXIT_IO_OUT) {
        uint32_t value = 0;
        std::memcpy(&value, data, run.io.size);
        ports_.store(Gpa(run.io.port), value, run.io.size);
    } else {
        auto value = static_cast<uint32_t>(ports_.load(Gpa(run.io.port), run.io.size));
        std::memcpy(data, &value, run.io.size);
    }
}

void ExitDispatcher::port_access(kvm_run& run) {
    uint64_t bytes = uint64_t{run.io.size} * run.io.count;
    CHECK(run.io.size <= 4 && run.io.data_offset + bytes <= vcpu_.page_size(),
          "KVM describes port data outside the vCPU's page");
    uint8_t* data = vcpu_.page_at(run.io.data_offset);
    for (uint32_t i = 0; i < run.io.count; i++, data += run.io.size)
        port_element(run, data);
}

void ExitDispatcher::memory_access(kvm_run& run) {
    Gpa address(run.mmio.phys_addr);
    uint32_t length = run.mmio.len;
    CHECK(length <= sizeof(run.mmio.data), "KVM describes a memory access of %u bytes", length);
    if (run.mmio.is_write != 0) {
        uint64_t value = 0;
        std::memcpy(&value, run.mmio.data, length);
        memory_.store(address, value, length);
    } else {
        uint64_t value = memory_.load(address, length);
        std::memcpy(run.mmio.data, &value, length);
    }
}

ExitAction ExitDispatcher::system_event(const kvm_run& run) {
    switch (run.system_event.type) {
        case KVM_SYSTEM_EVENT_SHUTDOWN:
            world_.requests.request_shutdown(ShutdownCause::GuestShutdown);
            return ExitAction::Park;
        case KVM_SYSTEM_EVENT_RESET:
            world_.requests.request_reset(ShutdownCause::GuestReset);
            return ExitAction::Park;
        case KVM_SYSTEM_EVENT_CRASH:
            return report("the guest reported a crash");
        default:
            return report(strf("KVM reports system event %u", run.system_event.type));
    }
}

// It resets a PC. Intel's registers are those of the fault; AMD's are gone, and KVM has put those of INIT in
// their place.
ExitAction ExitDispatcher::triple_fault() {
    if (log_item_enabled(LogItem::GuestErrors)) {
        log_guest_error("vCPU %u: triple fault, which resets the machine\n%s", vcpu_.index().raw(),
                        vcpu_.arch().registers(vcpu_, RegisterDetail::General).c_str());
    }
    world_.requests.request_reset(ShutdownCause::GuestReset);
    return ExitAction::Park;
}

ExitAction ExitDispatcher::report(const std::string& what) {
    world_.requests.report_internal_error(
        strf("vCPU %u: %s\n%s", vcpu_.index().raw(), what.c_str(),
             vcpu_.arch().registers(vcpu_, RegisterDetail::General).c_str()));
    return ExitAction::Park;
}

std::string describe_internal_error(const kvm_run& run) {
    const char* kind = "internal error";
    switch (run.internal.suberror) {
        case KVM_INTERNAL_ERROR_EMULATION:
            kind = "could not emulate an instruction of the guest";
            break;
        case KVM_INTERNAL_ERROR_SIMUL_EX:
            kind = "met simultaneous exceptions";
            break;
        case KVM_INTERNAL_ERROR_DELIVERY_EV:
            kind = "failed to deliver an event to the guest";
            break;
        case KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON:
            kind = "met an exit of the processor that it does not know";
            break;
        default:
            break;
    }
    std::string text = strf("KVM %s (suberror %u)", kind, run.internal.suberror);
    if (run.internal.suberror == KVM_INTERNAL_ERROR_EMULATION && run.internal.ndata >= 3 &&
        (run.emulation_failure.flags & KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES) != 0) {
        text += ", instruction bytes";
        unsigned size = std::min<unsigned>(run.emulation_failure.insn_size, 15);
        for (unsigned i = 0; i < size; i++)
            text += strf(" %02x", run.emulation_failure.insn_bytes[i]);
        return text;
    }
    for (uint32_t i = 0; i < run.internal.ndata && i < 16; i++)
        text +=
            strf("%s0x%llx", i == 0 ? ", data " : " ", static_cast<unsigned long long>(run.internal.data[i]));
    return text;
}

std::string describe_failed_entry(const kvm_run& run) {
    return strf("the processor refused to enter the guest: reason 0x%llx on host CPU %u",
                static_cast<unsigned long long>(run.fail_entry.hardware_entry_failure_reason),
                run.fail_entry.cpu);
}

}  // namespace vmm::kvm
