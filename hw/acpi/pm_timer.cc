// See pm_timer.h.
#include "hw/acpi/pm_timer.h"

namespace vmm::acpi {

namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr unsigned kWidth = 24;
constexpr int64_t kHalf = int64_t{1} << (kWidth - 1);

using Wide = __int128;

}  // namespace

int64_t PmTimer::ticks() const {
    return static_cast<int64_t>(Wide{clock_.now_ns()} * kPmTimerHertz / kSecond);
}

uint32_t PmTimer::count() const {
    return static_cast<uint32_t>(ticks()) & ((1u << kWidth) - 1);
}

void PmTimer::watch() {
    change_at_ = (ticks() + kHalf) & ~(kHalf - 1);
}

int64_t PmTimer::change_ns() const {
    // Rounded up: at that time the count has arrived.
    return static_cast<int64_t>((Wide{change_at_} * kSecond + kPmTimerHertz - 1) / kPmTimerHertz);
}

}  // namespace vmm::acpi
