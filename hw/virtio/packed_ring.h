// PackedRing: the ring format of virtio 1.1: one ring of descriptors that both sides write, with a wrap
// counter each. Virtio 1.2, 2.8. Used by Queue; see ring.h for the rules.
#pragma once

#include "hw/virtio/ring.h"

namespace vmm::virtio {

class PackedRing final : public Ring {
  public:
    // The place was checked: the areas are aligned and do not wrap.
    PackedRing(AddressSpace& space, const RingPlace& place, uint64_t features)
        : Ring(space, place, features) {}

    Pop pop(Chain& chain) override;
    void unpop(const Chain& chain) override;
    bool push(const Chain& chain, uint32_t written) override;
    std::optional<bool> publish() override;
    bool set_notify(bool on) override;
    std::optional<bool> available() override;

    static constexpr uint64_t kEventBytes = 4;

  private:
    // A place in the ring and how often the ring was gone through, modulo 2.
    struct Cursor {
        uint16_t index = 0;
        bool wrap = true;
    };
    void place_windows() {
        if (memory_.map_changed()) [[unlikely]]
            replace_windows();
    }
    void replace_windows();
    // Whether the descriptor at the cursor is the device's; empty: broken.
    std::optional<bool> ours(const Cursor& at, uint16_t& flags);
    bool add_chain(Chain& chain, uint16_t flags);
    void advance(Cursor& cursor, uint16_t by) const;
    void go_back(Cursor& cursor, uint16_t by) const;

    RingWindow ring_, driver_event_, device_event_;
    Cursor avail_, used_;
    uint16_t pushed_ = 0;  // slots used since an interrupt was last decided on
    bool unpublished_ = false;
};

}  // namespace vmm::virtio
