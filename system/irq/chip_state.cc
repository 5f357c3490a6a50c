// Interrupt controllers as text; see chip_state.h.
#include "system/irq/chip_state.h"

#include <cstring>
#include <utility>

#include "util/text.h"

namespace vmm {

namespace {

const char* delivery_name(uint64_t entry) {
    static constexpr const char* kNames[] = {"fixed", "lowest", "SMI",  "(3)",
                                             "NMI",   "INIT",   "SIPI", "ExtINT"};
    return kNames[entry >> 8 & 7];
}

// Bit 8-10 delivery, 12 pending, 13 polarity, 14 remote IRR, 15 trigger, 16 mask: the same in I/O and local
// APICs.
std::string flags_text(uint64_t entry) {
    return strf("vec=0x%02x %s %s %s %s%s%s", static_cast<unsigned>(entry & 0xff), delivery_name(entry),
                (entry >> 13 & 1) != 0 ? "active-low" : "active-high",
                (entry >> 15 & 1) != 0 ? "level" : "edge", (entry >> 16 & 1) != 0 ? "masked" : "open",
                (entry >> 12 & 1) != 0 ? " pending" : "", (entry >> 14 & 1) != 0 ? " remote-irr" : "");
}

std::string pic_text(unsigned number, const PicState& pic) {
    return strf(
        "pic%u: irr=%02x imr=%02x isr=%02x hprio=%x irq_base=%02x rr_sel=%u elcr=%02x fnm=%u aeoi=%u "
        "smm=%u\n",
        number, pic.requests, pic.mask, pic.in_service, pic.first, pic.base, pic.read_isr ? 1u : 0u, pic.elcr,
        pic.fully_nested ? 1u : 0u, pic.auto_eoi ? 1u : 0u, pic.special_mask ? 1u : 0u);
}

class LocalApic {
  public:
    explicit LocalApic(std::span<const uint8_t, 1024> registers) : registers_(registers) {}
    uint32_t at(size_t offset) const {
        uint32_t value = 0;
        std::memcpy(&value, registers_.data() + offset, sizeof value);
        return value;
    }
    // Vectors of one of the 256-bit registers that take eight places of 16 bytes.
    std::string vectors(size_t offset) const {
        std::string out;
        for (unsigned vector = 0; vector < 256; ++vector)
            if ((at(offset + vector / 32 * 16) >> (vector % 32) & 1) != 0) out += strf(" %u", vector);
        return out.empty() ? " (none)" : out;
    }

  private:
    std::span<const uint8_t, 1024> registers_;
};

const char* timer_mode(uint32_t entry) {
    static constexpr const char* kModes[] = {"one-shot", "periodic", "tsc-deadline", "(3)"};
    return kModes[entry >> 17 & 3];
}

}  // namespace

std::string pics_text(const PicState& master, const PicState& slave) {
    return pic_text(0, master) + pic_text(1, slave);
}

std::string ioapic_text(const IoApicState& chip) {
    std::string out = strf("ioapic0: id=0x%02x sel=0x%02x\n", chip.id, chip.select);
    std::string waiting;
    for (unsigned pin = 0; pin < chip.entries.size(); ++pin) {
        const uint64_t entry = chip.entries[pin];
        out += strf("  pin %-2u 0x%016llx dest=%u %s %s\n", pin, static_cast<unsigned long long>(entry),
                    static_cast<unsigned>(entry >> 56), (entry >> 11 & 1) != 0 ? "logical" : "physical",
                    flags_text(entry).c_str());
        if ((chip.requests >> pin & 1) != 0) waiting += strf(" %u", pin);
    }
    return out + "  IRR" + (waiting.empty() ? " (none)" : waiting) + "\n";
}

std::string local_apic_text(std::span<const uint8_t, 1024> registers) {
    const LocalApic apic(registers);
    std::string out = strf("id 0x%08x version 0x%02x\n", apic.at(0x20), apic.at(0x30) & 0xff);
    constexpr std::pair<const char*, size_t> kEntries[] = {{"LVT0", 0x350},    {"LVT1", 0x360},
                                                           {"LVTPC", 0x340},   {"LVTERR", 0x370},
                                                           {"LVTTHMR", 0x330}, {"LVTT", 0x320}};
    for (const auto& [name, offset] : kEntries)
        out += strf("%-7s 0x%08x %s\n", name, apic.at(offset), flags_text(apic.at(offset)).c_str());
    out += strf("timer   %s divide 0x%x initial %u current %u\n", timer_mode(apic.at(0x320)), apic.at(0x3e0),
                apic.at(0x380), apic.at(0x390));
    out += strf("SPIV    0x%08x APIC %s, spurious vector 0x%02x\n", apic.at(0xf0),
                (apic.at(0xf0) & 0x100) != 0 ? "enabled" : "disabled", apic.at(0xf0) & 0xff);
    out += strf("ICR     0x%08x dest 0x%08x %s\n", apic.at(0x300), apic.at(0x310),
                delivery_name(apic.at(0x300)));
    out += strf("ESR     0x%08x\nLDR     0x%08x DFR 0x%08x\nTPR     0x%02x PPR 0x%02x\n", apic.at(0x280),
                apic.at(0xd0), apic.at(0xe0), apic.at(0x80) & 0xff, apic.at(0xa0) & 0xff);
    out += "ISR    " + apic.vectors(0x100) + "\nTMR    " + apic.vectors(0x180) + "\nIRR    " +
           apic.vectors(0x200) + "\n";
    return out;
}

}  // namespace vmm
