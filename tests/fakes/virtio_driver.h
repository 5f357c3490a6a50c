// A driver's side of a virtqueue, in both ring formats, over guest memory: makes buffers available (chained
// or by an indirect table), takes used ones back, sets and reads the notification wishes. It counts without
// wrapping, so that tests can say what should have been. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "hw/virtio/features.h"
#include "hw/virtio/ring.h"
#include "system/memory/address_space.h"
#include "system/memory/ram_block.h"
#include "system/memory/region.h"
#include "system/memory/topology.h"
#include "util/endian.h"

namespace vmm::virtio {

// 16 MiB of guest memory with a bump allocator.
struct DriverMemory {
    std::unique_ptr<RamBlock> block = RamBlock::anonymous("ram", 16 * kMiB).take_value();
    MemoryRegion ram = MemoryRegion::ram("ram", *block);
    uint64_t next = 0x10000;

    uint64_t allocate(uint64_t bytes, uint64_t alignment = 4096) {
        const uint64_t at = align_up(next, alignment);
        next = at + bytes;
        CHECK(next <= block->size(), "the test's memory is used up");
        return at;
    }
    template <typename T>
    T get(uint64_t at) const {
        return load_le<T>(block->data() + at);
    }
    template <typename T>
    void put(uint64_t at, T value) {
        store_le<T>(block->data() + at, value);
    }
    std::span<uint8_t> bytes(uint64_t at, size_t size) { return block->bytes().subspan(at, size); }
};

// The same at address 0 of a space of its own.
struct DriverSpace : DriverMemory {
    Topology topology;
    MemoryRegion root = MemoryRegion::container("memory", MemoryRegion::kWholeSpace);
    AddressSpace space{topology, root, "memory"};
    DriverSpace() { topology.add(root, ram, 0); }
    ~DriverSpace() { topology.remove(ram); }
};

struct DriverBuffer {
    uint64_t address;
    uint32_t size;
    bool writable;
};
struct UsedBuffer {
    uint64_t token;
    uint32_t written;
};

class RingDriver {
  public:
    RingDriver(DriverMemory& memory, uint16_t size, uint64_t features)
        : memory_(memory), features_(features) {
        place.size = size;
    }
    virtual ~RingDriver() = default;
    static std::unique_ptr<RingDriver> create(DriverMemory& memory, uint16_t size, uint64_t features);

    RingPlace place;
    // Empty when the ring has no room. The token comes back with the used buffer.
    virtual std::optional<uint64_t> add(std::span<const DriverBuffer> buffers, bool indirect) = 0;
    virtual std::optional<UsedBuffer> take_used() = 0;
    // Whether the device wants to hear of the buffers added since the last question.
    virtual bool kick_wanted() = 0;
    virtual void want_interrupts(bool on) = 0;
    // EVENT_IDX: an interrupt once that many more buffers are used (packed: slots).
    virtual void want_interrupt_after(uint16_t more) = 0;

    uint64_t added = 0, used = 0;

  protected:
    bool has(uint64_t feature) const { return (features_ & feature) != 0; }
    uint64_t write_table(std::span<const DriverBuffer> buffers, bool linked) {
        const uint64_t table = memory_.allocate(buffers.size() * 16, 16);
        for (size_t i = 0; i < buffers.size(); ++i) {
            const bool last = i + 1 == buffers.size();
            const auto flags = static_cast<uint16_t>((buffers[i].writable ? kDescWrite : 0) |
                                                     (linked && !last ? kDescNext : 0));
            memory_.put<uint64_t>(table + 16 * i, buffers[i].address);
            memory_.put<uint32_t>(table + 16 * i + 8, buffers[i].size);
            memory_.put<uint16_t>(table + 16 * i + 12, linked ? flags : 0);
            memory_.put<uint16_t>(table + 16 * i + 14, linked ? static_cast<uint16_t>(i + 1) : flags);
        }
        return table;
    }

    DriverMemory& memory_;
    const uint64_t features_;
};

class SplitDriver final : public RingDriver {
  public:
    SplitDriver(DriverMemory& memory, uint16_t size, uint64_t features) : RingDriver(memory, size, features) {
        place.descriptors = memory.allocate(16u * size);
        place.driver = memory.allocate(6 + 2u * size);
        place.device = memory.allocate(6 + 8u * size);
        for (uint16_t i = size; i-- > 0;)
            free_.push_back(i);
    }

    std::optional<uint64_t> add(std::span<const DriverBuffer> buffers, bool indirect) override {
        const size_t needed = indirect ? 1 : buffers.size();
        if (needed > free_.size()) return std::nullopt;
        std::vector<uint16_t> chain;
        for (size_t i = 0; i < needed; ++i) {
            chain.push_back(free_.back());
            free_.pop_back();
        }
        if (indirect) {
            const uint64_t table = write_table(buffers, true);
            describe(chain[0], table, static_cast<uint32_t>(16 * buffers.size()), kDescIndirect, 0);
        } else {
            for (size_t i = 0; i < needed; ++i) {
                const bool last = i + 1 == needed;
                describe(
                    chain[i], buffers[i].address, buffers[i].size,
                    static_cast<uint16_t>((buffers[i].writable ? kDescWrite : 0) | (last ? 0 : kDescNext)),
                    last ? uint16_t{0} : chain[i + 1]);
            }
        }
        const uint64_t token = added;
        heads_[chain[0]] = {token, chain};
        memory_.put<uint16_t>(place.driver + 4 + 2 * (added % place.size), chain[0]);
        ++added;
        memory_.put<uint16_t>(place.driver + 2, static_cast<uint16_t>(added));
        return token;
    }
    std::optional<UsedBuffer> take_used() override {
        if (memory_.get<uint16_t>(place.device + 2) == static_cast<uint16_t>(used)) return std::nullopt;
        const uint64_t element = place.device + 4 + 8 * (used % place.size);
        const auto id = memory_.get<uint32_t>(element);
        const auto entry = heads_.find(static_cast<uint16_t>(id));
        CHECK(id <= 0xffff && entry != heads_.end(), "the device used buffer %u that it was not given", id);
        const UsedBuffer result{entry->second.first, memory_.get<uint32_t>(element + 4)};
        for (uint16_t index : entry->second.second)
            free_.push_back(index);
        heads_.erase(entry);
        ++used;
        return result;
    }
    bool kick_wanted() override {
        const uint64_t before = std::exchange(asked_, added);
        if (!has(kEventIdx))
            return added != before && (memory_.get<uint16_t>(place.device) & kUsedNoNotify) == 0;
        const auto event = memory_.get<uint16_t>(place.device + 4 + 8 * place.size);
        for (uint64_t i = before; i < added; ++i)
            if (static_cast<uint16_t>(i) == event) return true;
        return false;
    }
    void want_interrupts(bool on) override {
        memory_.put<uint16_t>(place.driver, on ? 0 : kAvailNoInterrupt);
    }
    void want_interrupt_after(uint16_t more) override {
        memory_.put<uint16_t>(place.driver + 4 + 2 * place.size, static_cast<uint16_t>(used + more - 1));
    }

    void describe(uint16_t index, uint64_t address, uint32_t size, uint16_t flags, uint16_t next) {
        const uint64_t at = place.descriptors + 16 * index;
        memory_.put<uint64_t>(at, address);
        memory_.put<uint32_t>(at + 8, size);
        memory_.put<uint16_t>(at + 12, flags);
        memory_.put<uint16_t>(at + 14, next);
    }

  private:
    std::vector<uint16_t> free_;
    std::map<uint16_t, std::pair<uint64_t, std::vector<uint16_t>>> heads_;
    uint64_t asked_ = 0;
};

class PackedDriver final : public RingDriver {
  public:
    PackedDriver(DriverMemory& memory, uint16_t size, uint64_t features)
        : RingDriver(memory, size, features) {
        place.descriptors = memory.allocate(16u * size);
        place.driver = memory.allocate(4);
        place.device = memory.allocate(4);
        for (uint16_t i = size; i-- > 0;)
            free_.push_back(i);
        room_ = size;
    }

    std::optional<uint64_t> add(std::span<const DriverBuffer> buffers, bool indirect) override {
        const size_t needed = indirect ? 1 : buffers.size();
        if (needed > room_ || free_.empty()) return std::nullopt;
        const uint16_t id = free_.back();
        free_.pop_back();
        room_ -= needed;
        const uint64_t first = slots_;
        if (indirect) {
            const uint64_t table = write_table(buffers, false);
            describe(slots_ % place.size, table, static_cast<uint32_t>(16 * buffers.size()), id);
            ++slots_;
            set_flags(first, kDescIndirect);
        } else {
            for (size_t i = 0; i < needed; ++i, ++slots_) {
                describe(slots_ % place.size, buffers[i].address, buffers[i].size, id);
                if (i != 0) set_flags(slots_, flags_of(buffers, i));
            }
            set_flags(first, flags_of(buffers, 0));
        }
        ids_[id] = {added, needed};
        return added++;
    }
    std::optional<UsedBuffer> take_used() override {
        const uint64_t at = place.descriptors + 16 * (used_slots_ % place.size);
        const auto flags = memory_.get<uint16_t>(at + 14);
        const bool turn = (used_slots_ / place.size) % 2 == 0;
        if (((flags & kDescAvail) != 0) != turn || ((flags & kDescUsed) != 0) != turn) return std::nullopt;
        const auto id = memory_.get<uint16_t>(at + 12);
        const auto entry = ids_.find(id);
        CHECK(entry != ids_.end(), "the device used buffer %u that it was not given", id);
        const UsedBuffer result{entry->second.first,
                                (flags & kDescWrite) != 0 ? memory_.get<uint32_t>(at + 8) : 0};
        used_slots_ += entry->second.second;
        room_ += entry->second.second;
        free_.push_back(id);
        ids_.erase(entry);
        ++used;
        return result;
    }
    bool kick_wanted() override {
        const uint64_t before = std::exchange(asked_, slots_);
        const auto flags = memory_.get<uint16_t>(place.device + 2);
        if ((flags & 3) == kEventDisable) return false;
        if ((flags & 3) == kEventEnable) return slots_ != before;
        const auto where = memory_.get<uint16_t>(place.device);
        for (uint64_t i = before; i < slots_; ++i)
            if (where == wrapped(i)) return true;
        return false;
    }
    void want_interrupts(bool on) override {
        memory_.put<uint16_t>(place.driver + 2, on ? kEventEnable : kEventDisable);
    }
    void want_interrupt_after(uint16_t more) override {
        memory_.put<uint16_t>(place.driver, wrapped(used_slots_ + more - 1));
        memory_.put<uint16_t>(place.driver + 2, kEventDescriptor);
    }
    uint64_t used_slots() const { return used_slots_; }

  private:
    uint16_t wrapped(uint64_t slot) const {
        const bool turn = (slot / place.size) % 2 == 0;
        return static_cast<uint16_t>(slot % place.size | (turn ? 0x8000u : 0u));
    }
    void describe(uint64_t index, uint64_t address, uint32_t size, uint16_t id) {
        const uint64_t at = place.descriptors + 16 * index;
        memory_.put<uint64_t>(at, address);
        memory_.put<uint32_t>(at + 8, size);
        memory_.put<uint16_t>(at + 12, id);
    }
    void set_flags(uint64_t slot, uint16_t flags) {
        const bool turn = (slot / place.size) % 2 == 0;
        memory_.put<uint16_t>(place.descriptors + 16 * (slot % place.size) + 14,
                              static_cast<uint16_t>(flags | (turn ? kDescAvail : kDescUsed)));
    }
    static uint16_t flags_of(std::span<const DriverBuffer> buffers, size_t i) {
        return static_cast<uint16_t>((buffers[i].writable ? kDescWrite : 0) |
                                     (i + 1 == buffers.size() ? 0 : kDescNext));
    }

    std::vector<uint16_t> free_;
    std::map<uint16_t, std::pair<uint64_t, size_t>> ids_;
    size_t room_;
    uint64_t slots_ = 0, used_slots_ = 0, asked_ = 0;
};

inline std::unique_ptr<RingDriver> RingDriver::create(DriverMemory& memory, uint16_t size,
                                                      uint64_t features) {
    if ((features & kRingPacked) != 0) return std::make_unique<PackedDriver>(memory, size, features);
    return std::make_unique<SplitDriver>(memory, size, features);
}

}  // namespace vmm::virtio
