// The DMA controllers' registers; see dma8237.h.
#include "hw/isa/dma8237.h"

namespace vmm {

namespace {
enum Register {
    kStatusCommand = 8,
    kRequest = 9,
    kSingleMask = 10,
    kMode = 11,
    kClearFlipFlop = 12,
    kTemporaryReset = 13,
    kClearMask = 14,
    kAllMask = 15
};
}  // namespace

uint8_t Dma8237Chip::read(unsigned reg) {
    if (reg < kStatusCommand) {
        uint16_t value = channels_[reg / 2].current[reg % 2];
        high_next_ = !high_next_;
        return static_cast<uint8_t>(high_next_ ? value : value >> 8);
    }
    // No requests, no terminal counts; the mask is readable in chipsets.
    return reg == kAllMask ? static_cast<uint8_t>(0xf0 | mask_) : uint8_t{0};
}

void Dma8237Chip::write(unsigned reg, uint8_t value) {
    if (reg < kStatusCommand) {
        uint16_t& base = channels_[reg / 2].base[reg % 2];
        base = static_cast<uint16_t>(high_next_ ? (base & 0x00ff) | (value << 8) : (base & 0xff00) | value);
        channels_[reg / 2].current[reg % 2] = base;
        high_next_ = !high_next_;
        return;
    }
    auto one = static_cast<uint8_t>(1u << (value & 3));
    switch (reg) {
        case kSingleMask:
            mask_ = static_cast<uint8_t>((value & 4) != 0 ? mask_ | one : mask_ & ~one);
            break;
        case kClearFlipFlop:
            high_next_ = false;
            break;
        case kTemporaryReset:
            high_next_ = false;
            mask_ = 0x0f;
            break;
        case kClearMask:
            mask_ = 0;
            break;
        case kAllMask:
            mask_ = value & 0x0f;
            break;
        default:
            break;  // command, request, mode: there is nothing they would act on
    }
}

void Dma8237::reset_hold() {
    Locked l(mutex_);
    for (Dma8237Chip& chip : chips_)
        chip.reset();
    page_bytes_ = {};
}

uint64_t Dma8237::read_first(uint64_t offset, unsigned) {
    Locked l(mutex_);
    return chips_[0].read(offset & 0xf);
}
void Dma8237::write_first(uint64_t offset, uint64_t value, unsigned) {
    Locked l(mutex_);
    chips_[0].write(offset & 0xf, static_cast<uint8_t>(value));
}
uint64_t Dma8237::read_second(uint64_t offset, unsigned) {
    Locked l(mutex_);
    return chips_[1].read((offset >> 1) & 0xf);
}
void Dma8237::write_second(uint64_t offset, uint64_t value, unsigned) {
    Locked l(mutex_);
    chips_[1].write((offset >> 1) & 0xf, static_cast<uint8_t>(value));
}
uint64_t Dma8237::read_page(uint64_t offset, unsigned) {
    Locked l(mutex_);
    return page_bytes_[offset % kPageSize];
}
void Dma8237::write_page(uint64_t offset, uint64_t value, unsigned) {
    Locked l(mutex_);
    page_bytes_[offset % kPageSize] = static_cast<uint8_t>(value);
}

}  // namespace vmm
