// TDG.VP.VMCALL<ReportFatalError>: what a dying TD says (Intel GHCI 1.5, section 3.4). KVM hands out all
// general registers of the call; this decodes them. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace vmm::tdx {

struct FatalReport {
    uint32_t code = 0;
    std::string message;          // at most 64 bytes, as the guest wrote them; unprintable ones replaced
    std::optional<uint64_t> gpa;  // a shared page with more
};

// Registers in the order of their numbers: RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8 to R15. Empty: not what
// the interface defines.
std::optional<FatalReport> decode_fatal_report(std::span<const uint64_t> registers);

}  // namespace vmm::tdx
