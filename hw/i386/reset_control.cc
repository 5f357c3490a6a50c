// See reset_control.h.
#include "hw/i386/reset_control.h"

#include "system/run/requests.h"
#include "util/bits.h"

namespace vmm {

namespace {

constexpr uint8_t kResetCpu = 1u << 2;
constexpr uint8_t kKind = 1u << 1 | 1u << 3;

}  // namespace

uint64_t ResetControl::read(uint64_t offset, unsigned size) {
    return offset == kOffset && size == 1 ? kind_.load(std::memory_order_relaxed) : all_ones(size);
}

void ResetControl::write(uint64_t offset, uint64_t value, unsigned size) {
    if (offset != kOffset || size != 1) return;
    kind_.store(static_cast<uint8_t>(value) & kKind, std::memory_order_relaxed);
    if ((value & kResetCpu) != 0) requests_.request_reset(ShutdownCause::GuestReset);
}

}  // namespace vmm
