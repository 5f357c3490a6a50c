// The register file of a VT-d unit: which bits of which register a guest may write, which it clears by
// writing ones, and what all are after a reset. What a write sets off is IntelIommu's. Plain data: the owner
// locks it. Spec: Intel Virtualization Technology for Directed I/O, 10.4.
#pragma once

#include <array>
#include <cstdint>

namespace vmm::vtd {

enum Register : unsigned {
    kVersion = 0x00,
    kCapability = 0x08,
    kExtendedCapability = 0x10,
    kCommand = 0x18,
    kStatus = 0x1c,
    kRootTable = 0x20,
    kContextCommand = 0x28,
    kFaultStatus = 0x34,
    kFaultControl = 0x38,
    kFaultData = 0x3c,
    kFaultAddress = 0x40,
    kFaultUpperAddress = 0x44,
    kQueueHead = 0x80,
    kQueueTail = 0x88,
    kQueueAddress = 0x90,
    kWaitStatus = 0x9c,
    kWaitControl = 0xa0,
    kWaitData = 0xa4,
    kWaitAddress = 0xa8,
    kWaitUpperAddress = 0xac,
    kInterruptTable = 0xb8,
    kInvalidateAddress = 0xf0,
    kInvalidateCommand = 0xf8,
    kFaultRecord = 0x220,  // the only one
};
inline constexpr unsigned kRegistersEnd = 0x230;

// Command and status: what is asked for, and what is.
inline constexpr uint32_t kTranslation = 1u << 31, kSetRoot = 1u << 30, kFlush = 1u << 27, kQueued = 1u << 26,
                          kRemapping = 1u << 25, kSetInterruptTable = 1u << 24, kOldFormat = 1u << 23;
// Fault status.
inline constexpr uint32_t kFaultOverflow = 1, kFaultPending = 2, kQueueError = 1 << 4;
// Fault and wait control.
inline constexpr uint32_t kEventMasked = 1u << 31, kEventPending = 1u << 30;
// Wait status.
inline constexpr uint32_t kWaitComplete = 1;
inline constexpr uint32_t kFaultRecorded = 1u << 31;  // of the record's last word
inline constexpr uint32_t kExtendedIds = 1 << 11;     // of the interrupt table's register

class RegisterFile {
  public:
    struct Features {
        unsigned address_bits = 39;
        bool caching_mode = false, pass_through = true, remapping = false, extended_ids = false;
        bool drain = true, device_tlbs = false;
    };
    explicit RegisterFile(const Features& features) : features_(features) { reset(); }

    void reset();
    // Offsets are multiples of 4.
    uint32_t get(unsigned at) const { return at < kRegistersEnd ? words_[at / 4] : 0; }
    uint64_t get64(unsigned at) const { return get(at) | uint64_t{get(at + 4)} << 32; }
    void set(unsigned at, uint32_t value) { words_[at / 4] = value; }
    void set64(unsigned at, uint64_t value) {
        set(at, static_cast<uint32_t>(value));
        set(at + 4, static_cast<uint32_t>(value >> 32));
    }
    void turn(unsigned at, uint32_t bits, bool on) { set(at, on ? get(at) | bits : get(at) & ~bits); }
    // What a guest's write leaves there.
    void write(unsigned at, uint32_t value);

    // Fault status as it follows from the record.
    void update_fault_status();

  private:
    void set_capabilities();

    const Features features_;
    std::array<uint32_t, kRegistersEnd / 4> words_{};
};

}  // namespace vmm::vtd
