// The hypercall and its checks; see hypercall.h.
#include "target/i386/kvm/hypercall.h"

#include <cerrno>

#include "target/i386/kvm/trace.h"
#include "util/align.h"
#include "util/log.h"

namespace vmm::kvm {

namespace {
constexpr int kNoSuchCall = 1000;  // KVM_ENOSYS

uint64_t negative(int number) {
    return static_cast<uint64_t>(-static_cast<int64_t>(number));
}

struct MapRequest {
    uint64_t gpa;
    uint64_t bytes;
    Visibility to;
};

[[gnu::cold]] HypercallAnswer bad_request(uint64_t gpa, uint64_t pages, uint64_t attributes) {
    log_guest_error("map-gpa-range: bad request, gpa 0x%llx pages 0x%llx attributes 0x%llx",
                    static_cast<unsigned long long>(gpa), static_cast<unsigned long long>(pages),
                    static_cast<unsigned long long>(attributes));
    return {negative(EINVAL)};
}

[[gnu::cold]] HypercallAnswer not_converted(const MapRequest& asked, const GuestConverter::Answer& answer) {
    const auto gpa = static_cast<unsigned long long>(asked.gpa);
    const auto bytes = static_cast<unsigned long long>(asked.bytes);
    const char* const to = visibility_name(asked.to);
    switch (answer.outcome) {
        case GuestConverter::Outcome::Done:
        case GuestConverter::Outcome::Unchanged:
            break;
        case GuestConverter::Outcome::Refused:
            log_guest_error("map-gpa-range 0x%llx+0x%llx to %s: %s", gpa, bytes, to, answer.why());
            return {negative(EINVAL)};
        case GuestConverter::Outcome::Failed:
            log_error("the guest's memory 0x%llx+0x%llx could not be made %s: %s", gpa, bytes, to,
                      answer.why());
            return {negative(EFAULT)};
        case GuestConverter::Outcome::Inconsistent:
            return {negative(EFAULT),
                    Error::make("guest memory 0x%llx+0x%llx is half %s: %s", gpa, bytes, to, answer.why())};
    }
    UNREACHABLE();
}

[[gnu::hot]] HypercallAnswer map_gpa_range(uint64_t gpa, uint64_t pages, uint64_t attributes,
                                           GuestConverter& converter) {
    std::optional<uint64_t> bytes = checked_mul<uint64_t>(pages, kPageSize);
    std::optional<GpaRange> range = bytes ? GpaRange::make(Gpa(gpa), *bytes) : std::nullopt;
    if (!range || !is_aligned(gpa, kPageSize) || (attributes & ~abi::kMapGpaRangeSupportedBits) != 0)
        [[unlikely]]
        return bad_request(gpa, pages, attributes);
    Visibility to = (attributes & abi::kMapGpaRangeEncrypted) != 0 ? Visibility::Private : Visibility::Shared;
    GuestConverter::Answer answer = converter.convert(*range, to);
    if (answer.outcome == GuestConverter::Outcome::Done ||
        answer.outcome == GuestConverter::Outcome::Unchanged) [[likely]]
        return {0};
    return not_converted({gpa, *bytes, to}, answer);
}
}  // namespace

[[gnu::hot]] HypercallAnswer serve_hypercall(const abi::HypercallExit& call, GuestConverter* converter) {
    if (call.number != abi::kHypercallMapGpaRange || converter == nullptr) return {negative(kNoSuchCall)};
    trace_kvm_hc_map_gpa_range(call.args[0], call.args[1] * kPageSize, call.args[2], call.flags);
    return map_gpa_range(call.args[0], call.args[1], call.args[2], *converter);
}

}  // namespace vmm::kvm
