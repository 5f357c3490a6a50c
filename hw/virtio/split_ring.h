// SplitRing: the ring format of virtio 0.9 and later: descriptor table, available ring, used ring.
// Virtio 1.2, 2.7. Used by Queue; see ring.h for the rules.
#pragma once

#include "hw/virtio/ring.h"

namespace vmm::virtio {

class SplitRing final : public Ring {
  public:
    // The place was checked: the size is a power of two, the areas are aligned and do not wrap.
    SplitRing(AddressSpace& space, const RingPlace& place, uint64_t features)
        : Ring(space, place, features) {}

    Pop pop(Chain& chain) override;
    void unpop(const Chain& chain) override;
    bool push(const Chain& chain, uint32_t written) override;
    std::optional<bool> publish() override;
    bool set_notify(bool on) override;
    std::optional<bool> available() override;

    static uint64_t driver_bytes(uint16_t size, bool event) { return 4 + 2ull * size + (event ? 2 : 0); }
    static uint64_t device_bytes(uint16_t size, bool event) { return 4 + 8ull * size + (event ? 2 : 0); }

  private:
    void place_windows() {
        if (memory_.map_changed()) [[unlikely]]
            replace_windows();
    }
    void replace_windows();
    bool refresh_available();
    size_t wish_at() const;
    bool add_chain(Chain& chain, uint16_t head);
    uint16_t slot(uint16_t index) const { return index & (place_.size - 1); }

    RingWindow table_, avail_, used_;
    uint16_t next_avail_ = 0;  // index of the next buffer to take
    uint16_t seen_avail_ = 0;  // the driver's index when last read
    uint16_t next_used_ = 0;
    uint16_t published_ = 0;  // the used index the driver knows
    uint16_t signalled_ = 0;  // the used index when an interrupt was last decided on
    bool signalled_valid_ = false;
    unsigned in_use_ = 0;
};

}  // namespace vmm::virtio
