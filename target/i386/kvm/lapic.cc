// The local APIC's page; see lapic.h.
#include "target/i386/kvm/lapic.h"

#include <cstring>

namespace vmm::kvm {

namespace {
// Registers by offset.
constexpr unsigned kId = 0x20;
constexpr unsigned kVersion = 0x30;
constexpr unsigned kDestinationFormat = 0xe0;
constexpr unsigned kSpuriousVector = 0xf0;
constexpr unsigned kFirstLocalVector = 0x320;  // timer, thermal, counters, LINT0, LINT1, error
constexpr unsigned kLastLocalVector = 0x370;
constexpr unsigned kLint0 = 0x350;

constexpr uint32_t kVersionValue = 0x50014;  // six local vectors
constexpr uint32_t kMasked = 1u << 16;
constexpr uint32_t kExternalInterrupt = 7u << 8;

void put(kvm_lapic_state& page, unsigned offset, uint32_t value) {
    std::memcpy(page.regs + offset, &value, sizeof(value));
}
}  // namespace

kvm_lapic_state reset_lapic(uint32_t apic_id, bool boot_processor) {
    kvm_lapic_state page{};
    put(page, kId, apic_id << 24);
    put(page, kVersion, kVersionValue);
    put(page, kDestinationFormat, 0xffffffff);
    put(page, kSpuriousVector, 0xff);
    for (unsigned offset = kFirstLocalVector; offset <= kLastLocalVector; offset += 0x10)
        put(page, offset, kMasked);
    // The 8259 reaches the boot processor through LINT0 before software sets up the local APIC.
    if (boot_processor) put(page, kLint0, kExternalInterrupt);
    return page;
}

}  // namespace vmm::kvm
