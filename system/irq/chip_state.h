// What interrupt controllers hold, as plain data, and as text for people: the same for chips of this
// program's and for the kernel's. Pure. Spec: Intel 8259A (231468), 82093AA (290566), SDM vol. 3A 11.4.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>

#include "system/irq/routes.h"

namespace vmm {

struct PicState {
    uint8_t requests = 0;  // IRR
    uint8_t mask = 0;      // IMR
    uint8_t in_service = 0;
    uint8_t first = 0;  // the pin of highest priority
    uint8_t base = 0;   // the vector of pin 0
    uint8_t elcr = 0;
    bool read_isr = false, special_mask = false, auto_eoi = false, fully_nested = false;
};

struct IoApicState {
    uint8_t id = 0;
    uint8_t select = 0;
    uint32_t requests = 0;
    std::array<uint64_t, kIoApicPins> entries{};
};

// The master's line and the slave's.
std::string pics_text(const PicState& master, const PicState& slave);
std::string ioapic_text(const IoApicState& chip);
// Of the 1 KiB of registers.
std::string local_apic_text(std::span<const uint8_t, 1024> registers);

}  // namespace vmm
