// See chipset_registers.h.
#include "hw/i386/chipset_registers.h"

#include <optional>

#include "util/check.h"
#include "util/endian.h"
#include "util/log.h"

namespace vmm {

namespace {

struct Register {
    uint16_t offset;
    uint8_t size;
    uint32_t writable;
    uint32_t reset;
};

constexpr uint32_t kSlotRouteBits = 0x7777;
constexpr Register kRegisters[] = {
    {0x3140, 2, kSlotRouteBits, kSlotRouteDefault},  // D31IR
    {0x3142, 2, 0, 0},                               // D30IR
    {0x3144, 2, kSlotRouteBits, kSlotRouteDefault},  // D29IR
    {0x3146, 2, kSlotRouteBits, kSlotRouteDefault},  // D28IR
    {0x3148, 2, kSlotRouteBits, kSlotRouteDefault},  // D27IR
    {0x314c, 2, kSlotRouteBits, kSlotRouteDefault},  // D26IR
    {0x3150, 2, kSlotRouteBits, kSlotRouteDefault},  // D25IR
    {ChipsetRegisters::kOtherInterruptControl, 1, 0x03, 0},
    {ChipsetRegisters::kRtcConfig, 4, 0x1c, 0},
    {ChipsetRegisters::kGeneralControl, 4, 0x0c00 | ChipsetRegisters::kNoReboot, 0},
};

// Which bits of the byte can be written; empty where no register is.
std::optional<uint8_t> writable_bits(uint64_t offset) {
    for (const Register& r : kRegisters)
        if (offset >= r.offset && offset < uint64_t{r.offset} + r.size)
            return static_cast<uint8_t>(r.writable >> (8 * (offset - r.offset)));
    return std::nullopt;
}

}  // namespace

unsigned ChipsetRegisters::slot_route_offset(unsigned slot) {
    constexpr unsigned kOffsets[] = {0x3150, 0x314c, 0x3148, 0x3146, 0x3144, 0x3142, 0x3140};
    CHECK(slot >= kFirstRoutedSlot && slot < 32, "no route register for slot %u", slot);
    return kOffsets[slot - kFirstRoutedSlot];
}

uint64_t ChipsetRegisters::read(uint64_t offset, unsigned size) {
    Locked lock(mutex_);
    uint64_t value = 0;
    for (unsigned i = 0; i < size; ++i)
        if (writable_bits(offset + i)) value |= uint64_t{byte(offset + i)} << (8 * i);
    return value;
}

void ChipsetRegisters::write(uint64_t offset, uint64_t value, unsigned size) {
    Locked lock(mutex_);
    for (unsigned i = 0; i < size; ++i) {
        const auto written = static_cast<uint8_t>(value >> (8 * i));
        if (auto writable = writable_bits(offset + i))
            byte(offset + i) = static_cast<uint8_t>((byte(offset + i) & ~*writable) | (written & *writable));
        else if (written != 0)
            log_unimplemented("write of 0x%x to chipset register 0x%llx", written,
                              static_cast<unsigned long long>(offset + i));
    }
    apply_strap();
    router_.set_slots(slot_routes());
}

void ChipsetRegisters::apply_strap() {
    if (no_reboot_strap_) byte(kGeneralControl) |= kNoReboot;
}

bool ChipsetRegisters::no_reboot() {
    Locked lock(mutex_);
    return (byte(kGeneralControl) & kNoReboot) != 0;
}

void ChipsetRegisters::put(unsigned offset, uint32_t value, unsigned size) {
    store_le_sized(&byte(offset), value, size);
}

SlotRoutes ChipsetRegisters::slot_routes() {
    SlotRoutes routes;
    for (unsigned slot = kFirstRoutedSlot; slot < 32; ++slot)
        routes[slot - kFirstRoutedSlot] = load_le<uint16_t>(&byte(slot_route_offset(slot)));
    return routes;
}

void ChipsetRegisters::reset() {
    Locked lock(mutex_);
    for (const Register& r : kRegisters)
        put(r.offset, r.reset, r.size);
    apply_strap();
    router_.set_slots(slot_routes());
}

}  // namespace vmm
