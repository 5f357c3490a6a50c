// Ring: what a queue asks of either ring format. A ring is driven by one thread at a time (the queue's lock),
// touches guest memory only through the DmaLookup it is given, reads each byte once, and judges what it read.
// What a driver did wrong ends in error(): the queue then is broken until the device is reset. Pure but for
// guest memory.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "hw/virtio/chain.h"
#include "hw/virtio/features.h"
#include "system/memory/dma_space.h"
#include "util/endian.h"

namespace vmm::virtio {

// Where the driver put a ring: descriptor area, driver area (avail ring), device area (used ring).
struct RingPlace {
    uint16_t size = 0;
    uint64_t descriptors = 0;
    uint64_t driver = 0;
    uint64_t device = 0;
};

struct Descriptor {
    Le64 address;
    Le32 size;
    // Split: flags, then next. Packed: buffer id, then flags.
    Le16 third;
    Le16 fourth;
};
static_assert(sizeof(Descriptor) == 16);

// A stretch of guest memory that a ring lies in: named in place when that is possible, else copied each time.
class RingWindow {
  public:
    using Direction = DmaLookup::Direction;
    void place(DmaLookup& memory, uint64_t at, size_t size, Direction direction);

    // A 16-bit number at an even offset, before everything read after it.
    [[nodiscard]] bool load16(DmaLookup& memory, size_t offset, uint16_t& value) const {
        if (host_ == nullptr) [[unlikely]]
            return load16_copied(memory, offset, value);
        memory.note_read(at_ + offset, sizeof value);
        value = to_le(__atomic_load_n(number_at(offset), __ATOMIC_ACQUIRE));
        return true;
    }
    [[nodiscard]] bool load(DmaLookup& memory, size_t offset, std::span<uint8_t> into) const {
        if (host_ == nullptr) [[unlikely]]
            return memory.read(at_ + offset, into);
        memory.note_read(at_ + offset, into.size());
        std::memcpy(into.data(), host_ + offset, into.size());
        return true;
    }
    // After everything written before it.
    [[nodiscard]] bool store16(DmaLookup& memory, size_t offset, uint16_t value) const {
        if (host_ == nullptr) [[unlikely]]
            return store16_copied(memory, offset, value);
        __atomic_store_n(number_at(offset), to_le(value), __ATOMIC_RELEASE);
        return true;
    }
    [[nodiscard]] bool store(DmaLookup& memory, size_t offset, std::span<const uint8_t> from) const {
        if (host_ == nullptr) [[unlikely]]
            return memory.write(at_ + offset, from);
        std::memcpy(host_ + offset, from.data(), from.size());
        return true;
    }

    // It is read or written soon: what the driver's processor has of it is on its way here meanwhile.
    void expect_load(size_t offset) const {
        if (host_ != nullptr) __builtin_prefetch(host_ + offset, 0);
    }
    void expect_store(size_t offset) const {
        if (host_ != nullptr) __builtin_prefetch(host_ + offset, 1);
    }

  private:
    uint16_t* number_at(size_t offset) const {
        return static_cast<uint16_t*>(static_cast<void*>(host_ + offset));
    }
    [[gnu::cold]] bool load16_copied(DmaLookup& memory, size_t offset, uint16_t& value) const;
    [[gnu::cold]] bool store16_copied(DmaLookup& memory, size_t offset, uint16_t value) const;

    Gpa at_;
    uint8_t* host_ = nullptr;
};

class Ring {
  public:
    enum class Pop : uint8_t { Got, Empty, Broken };

    // The address space outlives the ring.
    Ring(AddressSpace& space, const RingPlace& place, uint64_t features)
        : memory_(space), place_(place), features_(features) {}
    virtual ~Ring() = default;
    Ring(const Ring&) = delete;
    Ring& operator=(const Ring&) = delete;

    virtual Pop pop(Chain& chain) = 0;
    // The chain that was popped last is available again.
    virtual void unpop(const Chain& chain) = 0;
    // Puts a used buffer into the ring; the driver sees it after publish(). False: broken.
    [[nodiscard]] virtual bool push(const Chain& chain, uint32_t written) = 0;
    // Shows what was pushed. Whether the driver wants an interrupt for it; empty: broken.
    virtual std::optional<bool> publish() = 0;
    // Tells the driver whether to notify. Turned on, it must be followed by a look at available(). False:
    // broken.
    [[nodiscard]] virtual bool set_notify(bool on) = 0;
    // Whether a buffer waits; empty: broken.
    virtual std::optional<bool> available() = 0;
    // What the driver did wrong.
    const std::string& error() const { return error_; }
    uint16_t size() const { return place_.size; }

  protected:
    bool has(uint64_t feature) const { return (features_ & feature) != 0; }
    [[gnu::format(printf, 2, 3)]] bool fail(const char* format, ...);
    // Adds the pieces of an indirect table of `bytes` bytes. False: broken.
    [[nodiscard]] bool add_indirect(Chain& chain, uint64_t table, uint32_t bytes, bool linked);

    DmaLookup memory_;
    const RingPlace place_;
    const uint64_t features_;

  private:
    bool add_linked(Chain& chain, const RingWindow& window, uint32_t count);

    std::string error_;
};

// Whether going from index `before` to `now` passes the one the other side waits for. Virtio 1.2, 2.7.7.2.
constexpr bool passes(uint16_t event, uint16_t now, uint16_t before) {
    return static_cast<uint16_t>(now - event - 1) < static_cast<uint16_t>(now - before);
}

}  // namespace vmm::virtio
