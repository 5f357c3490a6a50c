// The MSI capability's registers and what they mean.
#include "hw/pci/msi.h"

#include <algorithm>
#include <bit>

#include "util/bits.h"
#include "util/check.h"

namespace vmm::pci {

namespace {

// Message control.
using Enable = Bits<0>;
using Capable = Bits<3, 1>;
using Allotted = Bits<6, 4>;
using Wide = Bits<7>;
using Maskable = Bits<8>;

constexpr unsigned kControl = 2, kAddress = 4, kData = 12, kMask = 16, kPending = 20;

}  // namespace

Msi::Msi(ConfigSpace& config, unsigned vectors, VectorMasks masks, std::optional<unsigned> at)
    : masks_(masks == VectorMasks::Yes),
      size_(masks_ ? 24 : 14),
      at_(config.add_capability(kCapMsi, size_, at)) {
    CHECK(vectors <= 32 && std::has_single_bit(vectors), "%u MSI vectors", vectors);
    const auto log2 = static_cast<unsigned>(std::countr_zero(vectors));
    config.set16(at_ + kControl,
                 static_cast<uint16_t>(Capable::of(log2) | Wide::of(1) | Maskable::of(masks_ ? 1 : 0)));
    config.set_writable(at_ + kControl, static_cast<uint32_t>(Enable::kMask | Allotted::kMask), 2);
    config.set_writable(at_ + kAddress, ~3u, 4);
    config.set_writable(at_ + kAddress + 4, ~0u, 4);
    config.set_writable(at_ + kData, 0xffff, 2);
    if (masks_) config.set_writable(at_ + kMask, static_cast<uint32_t>(bit(vectors) - 1), 4);
}

bool Msi::enabled() const {
    Locked lock(mutex_);
    return enabled_;
}

MsiMessage Msi::message(unsigned vector) const {
    return {base_.address, (base_.data & ~(count_ - 1)) | (vector & (count_ - 1))};
}

std::optional<MsiMessage> Msi::signal(unsigned vector) {
    Locked lock(mutex_);
    if (!enabled_) return std::nullopt;
    // A guest that allots fewer vectors than there are gets several events in one.
    const unsigned seen = vector & (count_ - 1);
    if ((mask_ >> seen & 1) != 0) {
        pending_ |= 1u << seen;
        return std::nullopt;
    }
    return message(seen);
}

std::vector<MsiMessage> Msi::config_written(ConfigSpace& config) {
    Locked lock(mutex_);
    const uint16_t control = config.load16(at_ + kControl);
    enabled_ = Enable::test(control);
    count_ = 1u << std::min(Allotted::get(control), Capable::get(control));
    base_ = {config.load32(at_ + kAddress) | uint64_t{config.load32(at_ + kAddress + 4)} << 32,
             config.load16(at_ + kData)};
    mask_ = masks_ ? config.load32(at_ + kMask) : 0;
    if (!enabled_) pending_ = 0;
    std::vector<MsiMessage> due;
    for (uint32_t ready = pending_ & ~mask_; ready != 0; ready &= ready - 1)
        due.push_back(message(static_cast<unsigned>(std::countr_zero(ready))));
    pending_ &= mask_;
    return due;
}

void Msi::show_pending(ConfigSpace& config) const {
    if (!masks_) return;
    Locked lock(mutex_);
    config.set32(at_ + kPending, pending_);
}

}  // namespace vmm::pci
