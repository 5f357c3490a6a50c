// Msi: the MSI capability of one function: 64-bit addresses, up to 32 vectors, with per-vector masks if
// wanted. The registers are the function's configuration space; this keeps what they say, so that vectors can
// be signalled without the function's lock. PCI Local Bus 3.0, 6.8.1. Made by Function::add_msi().
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "hw/pci/config_space.h"
#include "system/irq/msi.h"
#include "util/mutex.h"

namespace vmm::pci {

enum class VectorMasks { No, Yes };

class Msi {
  public:
    // vectors: 1, 2, 4 ... 32. Adds the capability, at that offset or where there is room.
    Msi(ConfigSpace& config, unsigned vectors, VectorMasks masks, std::optional<unsigned> at = {});

    bool enabled() const;
    // What to send for the vector; empty when it is masked (it is pending then) or MSI is off. Any thread.
    std::optional<MsiMessage> signal(unsigned vector);
    // The guest wrote configuration space, or it was reset: the messages of vectors that were pending and are
    // not masked any more. The function's lock is held.
    std::vector<MsiMessage> config_written(ConfigSpace& config);
    // Before the guest reads: shows the pending bits. The function's lock is held.
    void show_pending(ConfigSpace& config) const;
    bool covers(unsigned offset, unsigned size) const { return offset < at_ + size_ && at_ < offset + size; }

  private:
    MsiMessage message(unsigned vector) const REQUIRES(mutex_);

    const bool masks_;
    const unsigned size_;
    const unsigned at_;
    mutable Mutex mutex_{LockRank::IrqRouter, "MSI"};
    bool enabled_ GUARDED_BY(mutex_) = false;
    unsigned count_ GUARDED_BY(mutex_) = 1;  // vectors the guest allotted
    MsiMessage base_ GUARDED_BY(mutex_);
    uint32_t mask_ GUARDED_BY(mutex_) = 0;
    uint32_t pending_ GUARDED_BY(mutex_) = 0;
};

}  // namespace vmm::pci
