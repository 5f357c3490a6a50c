// Memory faults into conversions; see exit_memory_fault.h.
#include "accel/kvm/exit_memory_fault.h"

#include <cerrno>

#include "accel/kvm/trace.h"
#include "util/align.h"
#include "util/text.h"

namespace vmm::kvm {

namespace {
FaultVerdict failed(const abi::MemoryFaultExit& fault, const char* what, const std::string& why) {
    return {false,
            strf("guest memory 0x%llx+0x%llx (%s access): %s%s%s", static_cast<unsigned long long>(fault.gpa),
                 static_cast<unsigned long long>(fault.size),
                 (fault.flags & abi::kMemoryExitPrivate) != 0 ? "private" : "shared", what,
                 why.empty() ? "" : ": ", why.c_str())};
}
}  // namespace

bool FaultGuard::stuck(const abi::MemoryFaultExit& fault, bool changed_something, unsigned most) {
    bool same = repeats_ != 0 && fault.gpa == gpa_ && fault.flags == flags_;
    gpa_ = fault.gpa;
    flags_ = fault.flags;
    if (changed_something) {
        repeats_ = 0;
        return false;
    }
    repeats_ = same ? repeats_ + 1 : 1;
    return repeats_ > most;
}

FaultVerdict serve_memory_fault(const abi::MemoryFaultExit& fault, int errno_value, GuestConverter* converter,
                                FaultGuard& guard) {
    trace_kvm_memory_fault(fault.gpa, fault.size, fault.flags);
    if (errno_value == EHWPOISON) return failed(fault, "the host's memory there is broken (EHWPOISON)", "");
    if ((fault.flags & ~abi::kMemoryExitPrivate) != 0) {
        return failed(fault, "the kernel reports flags this program does not know", "");
    }
    std::optional<GpaRange> range = GpaRange::make(Gpa(fault.gpa), fault.size);
    if (!range || !range->aligned(kPageSize)) return failed(fault, "the kernel reports half a page", "");
    if (converter == nullptr) return failed(fault, "this machine has no private memory", "");

    if (!converter->faults_ask()) {
        if (!guard.stuck(fault, false, FaultGuard::kMostRaces)) return {true, {}};
        return failed(fault, "the guest faults there again and again: nothing backs the side it is on", "");
    }
    Visibility to = (fault.flags & abi::kMemoryExitPrivate) != 0 ? Visibility::Private : Visibility::Shared;
    GuestConverter::Answer answer = converter->convert(*range, to);
    switch (answer.outcome) {
        case GuestConverter::Outcome::Refused:
            return failed(fault, "it cannot be converted", answer.why());
        case GuestConverter::Outcome::Failed:
        case GuestConverter::Outcome::Inconsistent:
            return failed(fault, "the conversion failed", answer.why());
        case GuestConverter::Outcome::Done:
        case GuestConverter::Outcome::Unchanged:
            break;
    }
    if (guard.stuck(fault, answer.outcome == GuestConverter::Outcome::Done)) {
        return failed(fault, "the guest faults there again and again, and there is nothing to convert", "");
    }
    return {true, {}};
}

}  // namespace vmm::kvm
