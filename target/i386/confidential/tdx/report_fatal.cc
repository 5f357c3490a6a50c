// Decoding a fatal error; see report_fatal.h.
#include "target/i386/confidential/tdx/report_fatal.h"

#include "util/endian.h"

namespace vmm::tdx {

namespace {
enum Register {
    kRcx = 1,
    kRdx = 2,
    kRbx = 3,
    kRsi = 6,
    kRdi = 7,
    kR8 = 8,
    kR9 = 9,
    kR12 = 12,
    kR13,
    kR14,
    kR15
};
constexpr size_t kRegisters = 16;
constexpr uint64_t kGpaValid = uint64_t{1} << 63;
constexpr uint64_t kMustBeZero = 0xffff;
}  // namespace

std::optional<FatalReport> decode_fatal_report(std::span<const uint64_t> registers) {
    if (registers.size() < kRegisters) return std::nullopt;
    const uint64_t error = registers[kR12];
    if ((error & kMustBeZero) != 0) return std::nullopt;
    FatalReport out;
    out.code = static_cast<uint32_t>(error);
    if ((error & kGpaValid) != 0) out.gpa = registers[kR13];
    // The registers that carry the text, in its order; RCX says which of them the guest passed.
    for (Register reg : {kR14, kR15, kRbx, kRdi, kRsi, kR8, kR9, kRdx}) {
        if ((registers[kRcx] >> reg & 1) == 0) continue;
        uint8_t bytes[8];
        store_le<uint64_t>(bytes, registers[reg]);
        out.message.append(bytes, bytes + sizeof bytes);
    }
    out.message.resize(out.message.find('\0') == std::string::npos ? out.message.size()
                                                                   : out.message.find('\0'));
    for (char& c : out.message)
        if (c < ' ' || c > '~') c = '?';
    return out;
}

}  // namespace vmm::tdx
