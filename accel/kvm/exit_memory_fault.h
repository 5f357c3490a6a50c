// What happens when the guest touches a page on its other side (KVM_EXIT_MEMORY_FAULT): the page is converted
// as the exit asks and the guest tries again. Memory errors (EHWPOISON) and faults that no conversion cures
// are reported, once and with the address; nothing loops.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "accel/kvm/vcpu_arch.h"
#include "linux-headers/kvm_abi.h"
#include "system/memory/address.h"
#include "system/memory/visibility.h"
#include "util/result.h"

namespace vmm::kvm {

// Who converts: the conversion engine, behind what the accelerator needs of it. Called on vCPU threads,
// several at once.
class GuestConverter {
  public:
    enum class Outcome : uint8_t {
        Done,          // the range is now as asked
        Unchanged,     // it already was
        Refused,       // the guest may not: no such memory, or none that can be private
        Failed,        // the host could not; the old state stands
        Inconsistent,  // the host could not, nor take it back: the machine must stop
    };
    struct Answer {
        Outcome outcome = Outcome::Done;
        std::optional<Error> error{};  // of the bad ones
        const char* why() const { return error ? error->text().c_str() : ""; }
    };
    virtual ~GuestConverter() = default;
    virtual Answer convert(GpaRange range, Visibility to) = 0;
    // Whether a fault is the guest's own wish (the hardware knows which side it meant), or can only be a vCPU
    // that met a page while another one converted it (KVM takes the side from the attributes). The second
    // kind is tried again: to convert for it would undo what the other vCPU asked for.
    virtual bool faults_ask() const { return true; }
};

// Notices a vCPU that faults on the same page again and again although there was nothing to convert. A few
// such repeats are normal: another vCPU converted the page first. One a vCPU; pure.
class FaultGuard {
  public:
    static constexpr unsigned kMostRepeats = 16;
    static constexpr unsigned kMostRaces = 20000;  // below a second of a page that never becomes whole
    // True when this fault has now come too often.
    bool stuck(const abi::MemoryFaultExit& fault, bool changed_something, unsigned most = kMostRepeats);
    void progress() { repeats_ = 0; }

  private:
    uint64_t gpa_ = 0;
    uint64_t flags_ = 0;
    unsigned repeats_ = 0;
};

// Serves one fault. errno_value: EFAULT or EHWPOISON. Anything but a converted page ends in a text for the
// report.
struct FaultVerdict {
    bool resume = false;
    std::string report;
};
FaultVerdict serve_memory_fault(const abi::MemoryFaultExit& fault, int errno_value, GuestConverter* converter,
                                FaultGuard& guard);

}  // namespace vmm::kvm
